"""Derive the scenes of a video from its cuts. Pure. Module `cut_detector` finds the cuts."""

from collections.abc import Iterable

from msgspec import Struct

from extractor.domain.frames import Scene


class Cut(Struct, frozen=True):
    """The start of a new scene.

    Attributes:
        frame: The number of its first frame, from 0.
        seconds: The timestamp of that frame.
    """

    frame: int
    seconds: float


def scenes_between(cuts: Iterable[Cut], start_seconds: float, end_seconds: float) -> tuple[Scene, ...]:
    """Return the scenes of a video: always at least one.

    Args:
        cuts: The cuts, ascending. Cuts at the start or the end of the video are ignored.
        start_seconds: The timestamp of the first frame.
        end_seconds: The end of the last frame.
    """
    inner = [cut for cut in cuts if start_seconds < cut.seconds < end_seconds]
    starts = [Cut(0, start_seconds), *inner]
    ends = [*(cut.seconds for cut in inner), end_seconds]
    return tuple(
        Scene(index, start.seconds, end, start.frame)
        for index, (start, end) in enumerate(zip(starts, ends, strict=True))
    )
