"""Runs of bytes of a file: those of packets, those that are present, and those that are missing. Pure.

A run is a `range` of positions with step 1. Lists of runs are ascending and disjoint.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress


def merge(runs: Iterable[range], gap: int = 0) -> list[range]:
    """Return runs that cover all bytes of `runs`.

    Args:
        runs: In any order; they may overlap or be empty.
        gap: Runs with at most this number of bytes between them become one run.
    """
    merged: list[range] = []
    for run in sorted(filter(None, runs), key=lambda run: run.start):
        if merged and run.start <= merged[-1].stop + gap:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, run.stop))
        else:
            merged.append(run)
    return merged


def subtract(runs: Sequence[range], present: Sequence[range]) -> list[range]:
    """Return the bytes of `runs` that are not in `present`."""
    missing: list[range] = []
    starts = [run.start for run in present]
    for run in runs:
        position = run.start
        for other in present[max(0, bisect_right(starts, run.start) - 1) :]:
            if other.start >= run.stop:
                break
            if other.start > position:
                missing.append(range(position, other.start))
            position = max(position, other.stop)
        if position < run.stop:
            missing.append(range(position, run.stop))
    return missing


def split(runs: Iterable[range], size: int) -> Iterator[range]:
    """Yield `runs` in pieces of at most `size` bytes."""
    for run in runs:
        for start in range(run.start, run.stop, size):
            yield range(start, min(start + size, run.stop))


def byte_count(runs: Iterable[range]) -> int:
    """Return the number of bytes in `runs`."""
    return sum(run.stop - run.start for run in runs)


def packet_runs(chosen: Sequence[int], offsets: Sequence[int], sizes: Sequence[int]) -> Iterator[range]:
    """Yield the bytes of some packets.

    Args:
        chosen: One flag per packet, 1 if it is one of them.
        offsets: The position of each packet in the file.
        sizes: Their sizes.
    """
    for offset, size in compress(zip(offsets, sizes, strict=True), chosen):
        yield range(offset, offset + size)


def held_bytes(present: Sequence[range], offsets: Sequence[int], sizes: Sequence[int]) -> "array[int]":
    """Return for each packet how many bytes from its start on are in `present`.

    Args:
        present: Runs that do not touch each other, as `merge` returns them.
        offsets: The position of each packet in the file.
        sizes: Their sizes.
    """
    starts = [run.start for run in present]
    ends = [0, *(run.stop for run in present)]
    return array(
        "Q",
        (
            min(size, max(0, ends[bisect_right(starts, offset)] - offset))
            for offset, size in zip(offsets, sizes, strict=True)
        ),
    )
