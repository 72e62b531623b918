"""A directory of its own for each job, removed when the job ends.

A process that was killed leaves its directory behind, and the next job removes it. A directory counts as a
leftover only if it carries the mark that this module writes, and if its owner is gone: on the same host its
lock is free; the locks of another host may be invisible here, so its directory must also be old.
"""

import fcntl
import logging
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from extractor.errors import StorageUnavailableError

MARK = ".frame-extractor-job"
"""A file in each job directory, which names the host of its owner."""

_OTHER_HOST_SECONDS = 24 * 3600.0  # without a change, after which another host's directory is a leftover
_LOCK_SECONDS = 30.0
_NOTICE_SECONDS = 1.0
_POLL_SECONDS = 0.05

logger = logging.getLogger(__name__)


@contextmanager
def job_directory(root: Path, prefix: str = "job-") -> Iterator[Path]:
    """An empty directory below `root`, removed at the end. Leftovers of dead owners are removed first.

    Raises `OSError`, and `StorageUnavailableError` if another process keeps `root` locked.
    """
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root):  # nobody takes the new directory for a leftover before it is locked
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
    """Hold the lock of the directory. It is given back explicitly: a process that was forked meanwhile
    shares it, and would keep it."""
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
    """Whether the lock was taken. A file system without locks has nobody to wait for."""
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
    """Remove the directory, even if a signal interrupts the first attempt."""
    try:
        _delete(path)
    except BaseException:
        _delete(path)
        raise


def _delete(path: Path) -> None:
    """The mark is deleted last: what is left of an interrupted deletion is still a leftover."""
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
        except OSError:  # its owner removed it just now
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _delete(path)
        except OSError:  # its owner is at work, or locks do not tell
            continue
        finally:
            _unlock(descriptor)


def _marked_host(path: Path) -> str | None:
    """The host that the mark names; `None` if this is no job directory."""
    try:
        return None if path.is_symlink() else (path / MARK).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _is_old(path: Path) -> bool:
    """Whether nothing in the directory has changed for a day."""
    try:
        times = [path.stat().st_mtime, *(entry.lstat().st_mtime for entry in path.iterdir())]
    except OSError:  # something was removed just now, so somebody is at work
        return False
    return time.time() - max(times) > _OTHER_HOST_SECONDS


def _host() -> str:
    """This host, as far as locks are shared: its name and this run of its kernel."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    with suppress(OSError):
        return f"{socket.gethostname()} {boot.read_text().strip()}"
    return socket.gethostname()
