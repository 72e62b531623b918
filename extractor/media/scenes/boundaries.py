"""Scenes: what lies between the cuts of a video. Pure; the cuts are found by `cuts.py`."""

from collections.abc import Iterable

from msgspec import Struct

from extractor.domain.frames import Scene


class Cut(Struct, frozen=True):
    """Where a new scene begins: the number of its first frame, counted from 0, and that frame's time."""

    frame: int
    seconds: float


def scenes_between(cuts: Iterable[Cut], start_seconds: float, end_seconds: float) -> tuple[Scene, ...]:
    """The scenes from `start_seconds`, where the first frame is, to `end_seconds`: always at least one.

    `cuts` in ascending order. One at the very start or end separates nothing and is passed over.
    """
    inner = [cut for cut in cuts if start_seconds < cut.seconds < end_seconds]
    starts = [Cut(0, start_seconds), *inner]
    ends = [*(cut.seconds for cut in inner), end_seconds]
    return tuple(
        Scene(index, start.seconds, end, start.frame)
        for index, (start, end) in enumerate(zip(starts, ends, strict=True))
    )
