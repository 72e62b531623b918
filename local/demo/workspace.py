"""The demo's output folder. Nothing is written to a folder that the demo did not make itself,
and of its own only what it is about to make again is removed."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from local.errors import WorkspaceError

_MARKER = ".frame-extractor-demo"
_FOLDERS = ("clips", "frames", "logs", "work")
_FILES = ("index.html", "state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "state.sqlite-journal")


@dataclass(frozen=True, slots=True)
class Workspace:
    """The parts of the folder; all of them exist and are empty at first, `state` and `page` do not exist."""

    root: Path

    @property
    def clips(self) -> Path:
        return self.root / "clips"

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
    """Take `directory` for one demo at a time. Raises `WorkspaceError`."""
    root = directory.absolute()
    with _take(root):
        try:
            yield Workspace(root)
        finally:
            shutil.rmtree(root / "work")


def _take(root: Path) -> TextIO:
    """Make or empty the folder; closing the file that is returned gives it free again."""
    with ExitStack() as stack:
        try:
            root.mkdir(parents=True, exist_ok=True)
            if not (root / _MARKER).is_file() and any(root.iterdir()):
                raise WorkspaceError(f"{root} holds files of others: choose another folder with --out")
            marker = stack.enter_context((root / _MARKER).open("w"))
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _clear(root)
        except BlockingIOError as error:
            raise WorkspaceError(f"another demo is at work in {root}: choose another --out") from error
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
