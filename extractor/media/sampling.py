"""Select the frames to extract. Pure, in exact arithmetic.

A *sample time* is a point in time, counted from the first frame of the video. The *target* of a sample time
is the first frame at or after it. A frame that is the target of several sample times is selected once, for
the first of them. A sample time after the last frame has no target. The *slot* of a target is the number of
its sample time.

Long videos have many targets: all functions take linear time (times a logarithm for lookups), and a target
takes 16 bytes.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Protocol, overload

from msgspec import Struct


class TargetFrame(Struct, frozen=True):
    """A frame to extract.

    Attributes:
        slot: The number of its sample time.
        pts: Its timestamp, in units of the time base.
    """

    slot: int
    pts: int


class Targets(Sequence[TargetFrame]):
    """Targets in presentation order, stored as columns.

    Attributes:
        slots: The slot of each target.
        pts: The timestamp of each target, in units of the time base.
    """

    __slots__ = ("pts", "slots")

    def __init__(self, slots: Iterable[int] = (), pts: Iterable[int] = ()) -> None:
        self.slots = array("q", slots)
        self.pts = array("q", pts)

    @classmethod
    def of(cls, targets: Iterable[TargetFrame]) -> "Targets":
        """Create the columns from single targets."""
        new = cls()
        for target in targets:
            new.append(target.slot, target.pts)
        return new

    def append(self, slot: int, pts: int) -> None:
        """Append a target, which is shown after all others."""
        self.slots.append(slot)
        self.pts.append(pts)

    def __len__(self) -> int:
        return len(self.pts)

    @overload
    def __getitem__(self, position: int) -> TargetFrame: ...
    @overload
    def __getitem__(self, position: slice) -> "Targets": ...
    def __getitem__(self, position: int | slice) -> "TargetFrame | Targets":
        if isinstance(position, slice):
            return Targets(self.slots[position], self.pts[position])
        return TargetFrame(self.slots[position], self.pts[position])

    def __iter__(self) -> Iterator[TargetFrame]:
        return map(TargetFrame, self.slots, self.pts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Targets):
            return NotImplemented
        return self.slots == other.slots and self.pts == other.pts

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Targets({list(self)!r})"


class SampleTimes(Protocol):
    """Sample times in ascending order, each with a slot."""

    def reached_after(self, time_base: Fraction) -> Callable[[int], int]:
        """Return a function that counts the sample times up to a timestamp.

        Args:
            time_base: The unit of timestamps, in seconds.

        Returns:
            A function from a timestamp, relative to the first frame, to the number of sample times at or
            before it.
        """
        ...

    def slot(self, number: int) -> int:
        """Return the slot of the sample time with that number, counted from 0."""
        ...


class EveryInterval(Struct, frozen=True):
    """Sample times at regular intervals: 0, 1, 2 … × the interval.

    Attributes:
        interval: The interval in seconds.
        skipped: The number of sample times to leave out at the beginning.
    """

    interval: Fraction
    skipped: int = 0

    def reached_after(self, time_base: Fraction) -> Callable[[int], int]:
        ticks, sample_times = (time_base / self.interval).as_integer_ratio()[::-1]
        return lambda passed: max(0, passed * sample_times // ticks + 1 - self.skipped)

    def slot(self, number: int) -> int:
        return self.skipped + number


class Later(Struct, frozen=True):
    """Sample times that are later by some seconds, with the same slots."""

    sample_times: SampleTimes
    seconds: Fraction

    def reached_after(self, time_base: Fraction) -> Callable[[int], int]:
        moved, parts = (self.seconds / time_base).as_integer_ratio()
        reached = self.sample_times.reached_after(time_base / parts)
        return lambda passed: reached(passed * parts - moved)

    def slot(self, number: int) -> int:
        return self.sample_times.slot(number)


class GivenTimes(Struct, frozen=True):
    """Sample times at given times.

    Attributes:
        moments: The times, ascending, in units of `unit` seconds.
        slots: The slot of each sample time.
        unit: The unit of the times, in seconds.
    """

    moments: Sequence[int | Fraction]
    slots: Sequence[int]
    unit: Fraction = Fraction(1)

    @property
    def seconds(self) -> list[float]:
        """The times in seconds, rounded."""
        return [float(moment * self.unit) for moment in self.moments]

    def reached_after(self, time_base: Fraction) -> Callable[[int], int]:
        steps = self.ticks(time_base)
        return lambda passed: bisect_right(steps, passed)

    def ticks(self, time_base: Fraction) -> list[int]:
        """Return the times in units of `time_base` seconds, rounded up."""
        # In integers, since arithmetic with `Fraction` is slow.
        multiplier, divisor = (self.unit / time_base).as_integer_ratio()
        ratios = (moment.as_integer_ratio() for moment in self.moments)
        return [-(-part * multiplier // (whole * divisor)) for part, whole in ratios]

    def slot(self, number: int) -> int:
        return self.slots[number]


class SampleMatcher:
    """Matches frames, given in presentation order, to sample times.

    Attributes:
        first_pts: The timestamp of the first frame, from which sample times count.
        time_base: The unit of timestamps, in seconds.
        sample_times: The sample times.
    """

    def __init__(self, first_pts: int, time_base: Fraction, sample_times: SampleTimes) -> None:
        self.first_pts = first_pts
        self.time_base = time_base
        self.sample_times = sample_times
        self._matched = 0
        self._reached = sample_times.reached_after(time_base)

    def match(self, pts: int) -> int | None:
        """Match the next frame.

        Args:
            pts: The timestamp of the frame, in units of `time_base`.

        Returns:
            The slot of the first sample time whose target it is; ``None`` if it is no target.
        """
        reached = self._reached(pts - self.first_pts)
        if reached <= self._matched:
            return None
        slot, self._matched = self.sample_times.slot(self._matched), reached
        return slot


def find_targets(shown_pts: Sequence[int], time_base: Fraction, sample_times: SampleTimes) -> Targets:
    """Find the targets of a video.

    Args:
        shown_pts: The timestamps of all frames, ascending.
        time_base: The unit of timestamps, in seconds.
        sample_times: The sample times.

    Returns:
        The targets in presentation order.
    """
    targets = Targets()
    reached_after = sample_times.reached_after(time_base)

    def reached(pts: int) -> int:
        return reached_after(pts - shown_pts[0])

    position = matched = 0
    while position < len(shown_pts):
        # Most frames are no target: search in steps that double, and then between the last two.
        step = 1
        while position + step < len(shown_pts) and reached(shown_pts[position + step]) <= matched:
            position += step
            step *= 2
        end = min(position + step, len(shown_pts))
        position = bisect_right(shown_pts, matched, position, end, key=reached)
        if position < len(shown_pts):
            targets.append(sample_times.slot(matched), shown_pts[position])
            matched = reached(shown_pts[position])
            position += 1
    return targets


def spread_evenly(targets: Targets, count: int) -> Targets:
    """Select some of the targets, spread evenly over all of them, including the first.

    Args:
        targets: The targets.
        count: The number of targets to select.
    """
    if count >= len(targets):
        return targets
    chosen = array("q", (number * len(targets) // count for number in range(count)))
    return Targets(map(targets.slots.__getitem__, chosen), map(targets.pts.__getitem__, chosen))


def at_targets(targets: Targets, first_pts: int, time_base: Fraction) -> GivenTimes:
    """Return the sample times whose targets are exactly these frames, with the same slots.

    Args:
        targets: The frames.
        first_pts: The timestamp of the first frame of the video.
        time_base: The unit of timestamps, in seconds.
    """
    return GivenTimes([pts - first_pts for pts in targets.pts], targets.slots, time_base)


def snap_to_cheaper(targets: Targets, tolerance_ticks: int, cheaper: Sequence[Sequence[int]]) -> Targets:
    """Replace targets by nearby frames that cost less to decode.

    The number and the order of the targets do not change.

    Args:
        targets: The exact targets.
        tolerance_ticks: The largest distance from a target, in units of the time base.
        cheaper: For each kind of cheaper frame, the cheapest kind first, the timestamps of these frames,
            ascending. The nearest frame of the first kind with a frame in range is taken.

    Returns:
        The new targets.
    """
    snapped = Targets()
    last = len(targets) - 1
    for position, target in enumerate(targets):
        lowest, highest = target.pts - tolerance_ticks, target.pts + tolerance_ticks
        if position > 0:
            lowest = max(lowest, snapped.pts[-1] + 1)
        if position < last:
            highest = min(highest, targets.pts[position + 1] - 1)
        near = (_nearest(kind, target.pts, lowest, highest) for kind in cheaper)
        pts = next((found for found in near if found is not None), target.pts)
        snapped.append(target.slot, pts)
    return snapped


def _nearest(candidates: Sequence[int], pts: int, lowest: int, highest: int) -> int | None:
    """Return the candidate between `lowest` and `highest` nearest to `pts`; of two, the earlier."""
    after = bisect_left(candidates, pts)
    around = candidates[max(0, after - 1) : after + 1]
    within = (candidate for candidate in around if lowest <= candidate <= highest)
    return min(within, key=lambda candidate: abs(candidate - pts), default=None)
