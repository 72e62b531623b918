"""Choose the one frame that shows best what a video is about. Pure."""

from collections.abc import Sequence
from typing import Final

from extractor.media.frame_times import FrameTimes, ScenesInPart

_BLANK_CONTRAST: Final = 4.0
"""Pictures with less contrast are blank: the noise of compression on one colour stays below."""

_FADE: Final = 0.5
"""Pictures with less than this share of the usual contrast of their scene belong to a fade."""


def cover_frame(frames: FrameTimes, scenes: ScenesInPart) -> int:
    """Return the number of the best frame: sharp, and near the middle of the longest scene.

    Frames that are blank or in a fade do not count, neither for the length of a scene nor as the best frame,
    unless there are no others. Of equally good frames, the earliest is the best.

    Args:
        frames: The times of all frames.
        scenes: The scenes, with the sharpness and the contrast of each frame; at least one.
    """
    clear = [_clear(numbers, scenes.contrast) for numbers in scenes.frames.values()]
    if not any(clear):
        clear = [list(numbers) for numbers in scenes.frames.values()]
    longest = max(clear, key=lambda numbers: sum(frames.ticks_shown(number) for number in numbers))
    first, last = frames.pts[longest[0]], frames.pts[longest[-1]]

    def goodness(number: int) -> float:
        from_middle = abs(2 * frames.pts[number] - first - last)
        closeness = 1 - from_middle / (2 * (last - first) or 1)  # from 1/2 at either end to 1 in the middle
        return scenes.sharpness[number] * closeness

    return max(longest, key=goodness)


def _clear(numbers: range, contrast: Sequence[float]) -> list[int]:
    measured = range(numbers.start, min(numbers.stop, len(contrast)))
    if not measured:
        return []
    from statistics import median  # slow to import

    least = max(_BLANK_CONTRAST, _FADE * median(contrast[measured.start : measured.stop]))
    return [number for number in measured if contrast[number] >= least]
