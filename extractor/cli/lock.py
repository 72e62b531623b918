"""One process at a time on a checkpoint: a lock of the operating system, which ends with its process.

It is on a neighbour of the file, ``.NAME.lock``: the file itself is replaced and removed meanwhile.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from extractor.errors import UsageError


@contextmanager
def lock_checkpoint(path: Path | None) -> Iterator[None]:
    """Keep the checkpoint to this process, if there is one.

    Raises `UsageError` at once if another process has it, or if nothing can be written beside it."""
    if path is None:
        yield
        return
    lock = path.parent / f".{path.name}.lock"
    try:
        file = _locked(lock)
    except BlockingIOError as error:
        raise UsageError(
            f"--checkpoint {str(path)!r} is in use by another process: wait for its end, or name another file"
        ) from error
    except OSError as error:
        raise UsageError(f"--checkpoint {str(path)!r} cannot be written: {error.strerror}") from error
    with file:
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _locked(path: Path) -> BinaryIO:
    """The file, locked. Raises `BlockingIOError` if another process has it.

    One that its holder removed between the two steps is nobody's: then there is another one to be locked."""
    while True:
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return file
        except FileNotFoundError:
            pass
        except BaseException:
            file.close()
            raise
        file.close()
