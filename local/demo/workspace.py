"""The demo's output folder.

Only a folder that the demo created is written to, and only files that it is about to write again are removed.
"""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from local.errors import WorkspaceError

_MARKER = ".frame-extractor-demo"
_FOLDERS = ("clips", "dataset", "frames", "logs", "work")
_FILES = ("index.html", "state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "state.sqlite-journal")


@dataclass(frozen=True, slots=True)
class Workspace:
    """The paths of the folder.

    The directories exist and are empty at first; `state` and `page` do not exist.
    """

    root: Path

    @property
    def clips(self) -> Path:
        return self.root / "clips"

    @property
    def dataset(self) -> Path:
        return self.root / "dataset"

    @property
    def frames(self) -> Path:
        return self.root / "frames"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def state(self) -> Path:
        return self.root / "state.sqlite"

    @property
    def page(self) -> Path:
        return self.root / "index.html"


@contextmanager
def open_workspace(directory: Path) -> Iterator[Workspace]:
    """Lock the folder for one demo at a time, and create or empty it.

    Raises:
        WorkspaceError: The folder contains other files, is locked, or cannot be used.
    """
    root = directory.absolute()
    with _lock_and_clear(root):
        try:
            yield Workspace(root)
        finally:
            shutil.rmtree(root / "work")


def _lock_and_clear(root: Path) -> TextIO:
    """Create or empty the folder; closing the returned file releases the lock."""
    with ExitStack() as stack:
        try:
            root.mkdir(parents=True, exist_ok=True)
            if not (root / _MARKER).is_file() and any(root.iterdir()):
                raise WorkspaceError(f"{root} contains other files: choose another folder with --out")
            marker = stack.enter_context((root / _MARKER).open("w"))
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _clear(root)
        except BlockingIOError as error:
            raise WorkspaceError(f"another demo is using {root}: choose another --out") from error
        except OSError as error:
            reason = f"{root} cannot be used ({error.strerror}): choose another folder with --out"
            raise WorkspaceError(reason) from error
        stack.pop_all()
    return marker


def _clear(root: Path) -> None:
    for name in _FILES:
        (root / name).unlink(missing_ok=True)
    for name in _FOLDERS:
        if (root / name).exists():
            shutil.rmtree(root / name)
        (root / name).mkdir()
