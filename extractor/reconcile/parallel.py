"""Run calls in parallel with a bounded number of tasks in memory."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_WINDOW = 64  # tasks per worker


def in_parallel(items: Iterable[T], work: Callable[[T], R], workers: int) -> Iterator[R]:
    """Yield results in the order of completion. After an error, running calls complete and it is raised."""
    remaining = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        while window := [pool.submit(work, item) for item in islice(remaining, workers * _WINDOW)]:
            try:
                for future in as_completed(window):
                    yield future.result()
            finally:
                for future in window:
                    future.cancel()
