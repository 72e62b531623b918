"""Which frames are wanted. Pure, in exact arithmetic.

Instants are moments counted from the video's first frame. The target of an instant is the first frame
at or after it; a frame is taken once, under the first instant that it answers; an instant after the
last frame has none.

Long videos have many targets: everything here takes time in proportion to their number (times its logarithm
where something is looked up) and keeps 16 bytes for each.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol, overload

from msgspec import Struct


class TargetFrame(Struct, frozen=True):
    """A wanted frame: the number of the instant that it answers, and its time in units of the time base."""

    slot: int
    pts: int


class Targets(Sequence[TargetFrame]):
    """Targets in the order shown, as columns."""

    __slots__ = ("pts", "slots")

    def __init__(self, slots: Iterable[int] = (), pts: Iterable[int] = ()) -> None:
        self.slots = array("q", slots)
        self.pts = array("q", pts)

    @classmethod
    def of(cls, targets: Iterable[TargetFrame]) -> "Targets":
        """The same targets."""
        new = cls()
        for target in targets:
            new.append(target.slot, target.pts)
        return new

    def append(self, slot: int, pts: int) -> None:
        """Add a target that is shown after all others."""
        self.slots.append(slot)
        self.pts.append(pts)

    def __len__(self) -> int:
        return len(self.pts)

    @overload
    def __getitem__(self, place: int) -> TargetFrame: ...
    @overload
    def __getitem__(self, place: slice) -> "Targets": ...
    def __getitem__(self, place: int | slice) -> "TargetFrame | Targets":
        if isinstance(place, slice):
            return Targets(self.slots[place], self.pts[place])
        return TargetFrame(self.slots[place], self.pts[place])

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
    """Moments in ascending order, numbered by slot."""

    def reached_after(self, time_base: Fraction) -> Callable[[int], int]:
        """A function that tells how many instants lie at or before so many ticks of `time_base` seconds
        after the first frame."""
        ...

    def slot(self, number: int) -> int:
        """The slot of instant `number`, from 0."""
        ...


class EveryInterval(Struct, frozen=True):
    """0, 1, 2 … × the interval (in seconds), without the first `skipped` of them."""

    interval: Fraction
    skipped: int = 0

    def reached_after(self, time_base: Fraction) -> Callable[[int], int]:
        ticks, instants = (time_base / self.interval).as_integer_ratio()[::-1]
        return lambda passed: max(0, passed * instants // ticks + 1 - self.skipped)

    def slot(self, number: int) -> int:
        return self.skipped + number


class GivenTimes(Struct, frozen=True):
    """Given moments in units of `unit` seconds, ascending, each with its slot."""

    moments: Sequence[int | Fraction]
    slots: Sequence[int]
    unit: Fraction = Fraction(1)

    @property
    def seconds(self) -> list[float]:
        return [float(moment * self.unit) for moment in self.moments]

    def reached_after(self, time_base: Fraction) -> Callable[[int], int]:
        steps = self.ticks(time_base)
        return lambda passed: bisect_right(steps, passed)

    def ticks(self, time_base: Fraction) -> list[int]:
        """The moments in units of `time_base`, rounded up."""
        # In integers, since arithmetic with fractions is slow.
        multiplier, divisor = (self.unit / time_base).as_integer_ratio()
        ratios = (moment.as_integer_ratio() for moment in self.moments)
        return [-(-part * multiplier // (whole * divisor)) for part, whole in ratios]

    def slot(self, number: int) -> int:
        return self.slots[number]


@dataclass(slots=True)
class SampleMatcher:
    """Walks along the frames in the order in which they are shown. `first_pts` in units of `time_base`
    seconds is the moment 0."""

    first_pts: int
    time_base: Fraction
    instants: SampleTimes
    _answered: int = field(default=0, init=False)
    _reached: Callable[[int], int] = field(init=False)

    def __post_init__(self) -> None:
        self._reached = self.instants.reached_after(self.time_base)

    def match(self, pts: int) -> int | None:
        """The slot of the first instant that the frame at `pts` answers; `None` if it answers none."""
        reached = self._reached(pts - self.first_pts)
        if reached <= self._answered:
            return None
        slot, self._answered = self.instants.slot(self._answered), reached
        return slot


def find_targets(shown_pts: Sequence[int], time_base: Fraction, instants: SampleTimes) -> Targets:
    """The targets of a video that shows frames at `shown_pts` (ascending), in order."""
    targets = Targets()
    if shown_pts:
        clock = SampleMatcher(shown_pts[0], time_base, instants)
        for pts in shown_pts:
            slot = clock.match(pts)
            if slot is not None:
                targets.append(slot, pts)
    return targets


def spread_evenly(targets: Targets, count: int) -> Targets:
    """`count` of the targets, evenly over all of them, the first included."""
    if count >= len(targets):
        return targets
    chosen = array("q", (number * len(targets) // count for number in range(count)))
    return Targets(map(targets.slots.__getitem__, chosen), map(targets.pts.__getitem__, chosen))


def at_targets(targets: Targets, first_pts: int, time_base: Fraction) -> GivenTimes:
    """Instants whose targets are just these frames, under the slots that they have."""
    return GivenTimes([pts - first_pts for pts in targets.pts], targets.slots, time_base)


def snap_to_cheaper(targets: Targets, tolerance_ticks: int, cheaper: Sequence[Sequence[int]]) -> Targets:
    """Replace each target by a frame at most `tolerance_ticks` from it that costs less to decode.

    `cheaper` lists the pts of such frames, ascending, the cheapest kind first. The nearest of the
    first kind that has one in reach is taken. Order and number of the targets stay as they are.
    """
    relaxed = Targets()
    last = len(targets) - 1
    for place, target in enumerate(targets):
        least, most = target.pts - tolerance_ticks, target.pts + tolerance_ticks
        if place > 0:
            least = max(least, relaxed.pts[-1] + 1)
        if place < last:
            most = min(most, targets.pts[place + 1] - 1)
        near = (_nearest(kind, target.pts, least, most) for kind in cheaper)
        pts = next((found for found in near if found is not None), target.pts)
        relaxed.append(target.slot, pts)
    return relaxed


def _nearest(candidates: Sequence[int], pts: int, least: int, most: int) -> int | None:
    """The candidate nearest to `pts` from `least` to `most`; of two as near, the earlier."""
    after = bisect_left(candidates, pts)
    around = candidates[max(0, after - 1) : after + 1]
    within = (candidate for candidate in around if least <= candidate <= most)
    return min(within, key=lambda candidate: abs(candidate - pts), default=None)
