"""Per-job temporary directory, removed on exit; leftovers of killed workers are swept.

A directory is a leftover if it has the mark file of this module and its owner is gone: its lock is free.
Locks of another host may be invisible here, so the directory of another host must also be old.
"""

import fcntl
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from extractor.errors import StorageUnavailableError

MARK = ".frame-extractor-job"
"""Name of the mark file, which contains the host of the owner."""

_OTHER_HOST_SECONDS = 24 * 3600.0  # age from which the directory of another host is a leftover
_LOCK_SECONDS = 30.0
_NOTICE_SECONDS = 1.0
_POLL_SECONDS = 0.05

logger = logging.getLogger(__name__)


@contextmanager
def job_directory(root: Path, prefix: str = "job-") -> Iterator[Path]:
    """Create an empty directory below `root`, and remove it at the end. Remove leftovers first.

    Raises:
        StorageUnavailableError: Another process keeps `root` locked.
        OSError: The directory cannot be created.
    """
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root):  # so that no process sweeps the new directory before it is locked
        _sweep(root, prefix)
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=root))
        try:
            (path / MARK).write_text(_host(), encoding="utf-8")
            descriptor = _lock_at_once(path)
        except BaseException:
            _remove(path)
            raise
    try:
        yield path
    finally:
        _remove(path)
        _unlock(descriptor)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the lock of the directory.

    It is released explicitly: a process that was forked in the meantime shares the lock and would keep it.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _wait_for_lock(descriptor, directory)
        yield
    finally:
        _unlock(descriptor)


def _wait_for_lock(descriptor: int, directory: Path) -> None:
    started = time.monotonic()
    noticed = False
    while not _try_lock(descriptor):
        waited = time.monotonic() - started
        if waited > _LOCK_SECONDS:
            raise StorageUnavailableError(
                f"another process has kept the folder {str(directory)!r} locked for {_LOCK_SECONDS:.0f} s"
            )
        if waited > _NOTICE_SECONDS and not noticed:
            noticed = True
            logger.warning("waiting for another process that has locked the folder %r", str(directory))
        time.sleep(_POLL_SECONDS)


def _try_lock(descriptor: int) -> bool:
    """Return whether the lock was acquired. On a file system without locks, it always is."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        logger.debug("no locks on this file system: %s", error)
    return True


def _lock_at_once(path: Path) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    _try_lock(descriptor)
    return descriptor


def _unlock(descriptor: int) -> None:
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove the directory, again if a signal interrupts the first attempt."""
    try:
        _delete(path)
    except BaseException:
        _delete(path)
        raise


def _delete(path: Path) -> None:
    """Delete the mark last, so that a partly deleted directory is still a leftover."""
    with suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            elif entry.name != MARK:
                with suppress(OSError):
                    Path(entry.path).unlink()
    shutil.rmtree(path, ignore_errors=True)


def _sweep(root: Path, prefix: str) -> None:
    for path in root.glob(f"{prefix}*"):
        host = _marked_host(path)
        if host is None or (host != _host() and not _is_old(path)):
            continue
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:  # its owner has just removed it
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _delete(path)
        except OSError:  # its owner is working, or there are no locks
            continue
        finally:
            _unlock(descriptor)


def _marked_host(path: Path) -> str | None:
    """Return the host in the mark file; ``None`` if this is no job directory."""
    try:
        return None if path.is_symlink() else (path / MARK).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _is_old(path: Path) -> bool:
    """Return whether nothing in the directory has changed for a day."""
    try:
        times = [path.stat().st_mtime, *(entry.lstat().st_mtime for entry in path.iterdir())]
    except OSError:  # something was removed just now, so the owner is working
        return False
    return time.time() - max(times) > _OTHER_HOST_SECONDS


@cache
def _host() -> str:
    """Return the scope within which locks are shared: host name and boot id."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    with suppress(OSError):
        return f"{os.uname().nodename} {boot.read_text().strip()}"
    return os.uname().nodename
