"""Many calls at the same time, a bounded number of them at once in memory."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_WINDOW = 64  # tasks for each worker


def in_parallel(items: Iterable[T], work: Callable[[T], R], workers: int) -> Iterator[R]:
    """The results, in no order. The first error ends it; what has begun by then is completed."""
    remaining = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        while window := [pool.submit(work, item) for item in islice(remaining, workers * _WINDOW)]:
            try:
                for future in as_completed(window):
                    yield future.result()
            finally:
                for future in window:
                    future.cancel()
