"""A directory of its own for each job, gone when the job is.

A worker that was killed leaves its directory behind, and a warm machine keeps it. Each directory is
locked as long as its owner lives, so the next job can tell what is left over and sweep it.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def job_directory(root: Path, prefix: str = "job-") -> Iterator[Path]:
    """An empty directory below `root`, removed at the end. Leftovers of dead owners go first."""
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root):  # no other job takes a new directory for a leftover before it is locked
        _sweep(root, prefix)
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=root))
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sweep(root: Path, prefix: str) -> None:
    for path in root.glob(f"{prefix}*"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:  # its owner removed it just now, or it is no directory
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            pass  # its owner is at work
        finally:
            os.close(descriptor)
