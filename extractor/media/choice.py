"""Choose frames by their numbers among all frames of a video. Pure, exact, reproducible."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from heapq import nsmallest
from random import Random

from extractor.media.frame_times import FrameTimes
from extractor.media.sampling import Targets


def spread_in_time(
    frames: FrameTimes, numbers: range, span: tuple[Fraction, Fraction], count: int
) -> list[int]:
    """Spread frames evenly over a time.

    The time is divided into `count` equal parts. The frame of a part is the first one at or after its middle.
    If that frame is taken already, the next one is taken; near the end, an earlier one.

    Args:
        frames: The times of all frames.
        numbers: The numbers of the frames to choose from.
        span: The beginning and the end of the time, in seconds after the first frame.
        count: The number of frames to choose.

    Returns:
        The numbers of the chosen frames, ascending: `count` of them, or all if there are fewer.
    """
    begin, end = span
    wanted = min(count, len(numbers))
    chosen: list[int] = []
    for part in range(wanted):
        middle = frames.first_at(begin + (end - begin) * (2 * part + 1) / (2 * wanted))
        earliest = chosen[-1] + 1 if chosen else numbers.start
        latest = numbers.stop - (wanted - part)
        chosen.append(min(max(middle, earliest), latest))
    return chosen


def at_random(numbers: Sequence[int], count: int, seed: int) -> list[int]:
    """Choose frames at random, the same ones in every version of Python.

    With the same seed, a greater `count` adds frames and takes none away.

    Args:
        numbers: The numbers of the frames to choose from.
        count: The number of frames to choose.
        seed: Another seed chooses other frames.

    Returns:
        The numbers of the chosen frames, ascending: `count` of them, or all if there are fewer.
    """
    generator = Random(seed)  # noqa: S311 - no secret
    ranked = ((generator.random(), number) for number in numbers)
    return sorted(number for _, number in nsmallest(count, ranked))


def existing(numbers: Iterable[int], total: int) -> Iterator[int]:
    """Yield the numbers of frames that a video of `total` frames has; negative ones count from its end."""
    return (number % total for number in numbers if -total <= number < total)


def targets_at(frames: FrameTimes, numbers: Iterable[int], slots: Sequence[int] | None = None) -> Targets:
    """Return the frames with these numbers, ascending, as targets.

    Of frames with the same time, only the first is taken: FFmpeg cannot tell them apart.

    Args:
        frames: The times of all frames.
        numbers: The numbers of the frames.
        slots: Their slots; by default, the slots count the targets from 0.
    """
    targets = Targets()
    for position, number in enumerate(numbers):
        pts = frames.pts[number]
        if not targets or pts != targets.pts[-1]:
            targets.append(len(targets) if slots is None else slots[position], pts)
    return targets
