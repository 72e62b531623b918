"""Processes seen through /proc: children of one's own, and whoever has a path on its command line."""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_DEATH_SECONDS = 10


def kill_children() -> bool:
    """SIGKILL for every child of this process; says whether there was one."""
    children = list(children_of(os.getpid()))
    for child in children:
        os.kill(child, signal.SIGKILL)
    return bool(children)


def children_of(process: int) -> Iterator[int]:
    """The children that live, whatever thread started them."""
    for task in Path(f"/proc/{process}/task").iterdir():
        with suppress(OSError):  # the thread has ended
            yield from map(int, (task / "children").read_text().split())


def survivors(path: Path) -> list[int]:
    """Processes that name `path` in their command line and do not die within some seconds."""
    return [process for process in _users(path) if not _dies(process)]


def _users(path: Path) -> Iterator[int]:
    needle = os.fsencode(path)
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                if needle in (entry / "cmdline").read_bytes():
                    yield int(entry.name)
            except OSError:  # it is gone
                continue


def _dies(process: int) -> bool:
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], _DEATH_SECONDS)[0])
    finally:
        os.close(descriptor)
