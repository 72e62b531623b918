"""Exclusive lock on a checkpoint file; the operating system releases it when the process ends.

The lock is on a separate file, ``.NAME.lock``, since the checkpoint itself is replaced and removed.
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
    """Lock the checkpoint, if there is one.

    Raises:
        UsageError: Another process has locked it, or the lock file cannot be created.
    """
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
    """Open and lock the file. Try again if its owner removed it between these two steps.

    Raises:
        BlockingIOError: Another process has locked it.
    """
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
