"""Peak memory of a process and its children at the same moment."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil

_PERIOD_SECONDS = 0.05


@dataclass(slots=True)
class Peak:
    """The peak of resident memory so far."""

    bytes: int = 0

    @property
    def megabytes(self) -> float:
        return self.bytes / 1e6


@contextmanager
def peak_memory(pid: int) -> Iterator[Peak]:
    """Sample the process tree 20 times a second while the block runs."""
    peak, done = Peak(), threading.Event()
    root = psutil.Process(pid)

    def watch() -> None:
        with suppress(psutil.NoSuchProcess):
            while True:
                peak.bytes = max(peak.bytes, _resident(root))
                if done.wait(_PERIOD_SECONDS):
                    return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _resident(root: psutil.Process) -> int:
    total: int = root.memory_info().rss
    for child in root.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            total += child.memory_info().rss
    return total
