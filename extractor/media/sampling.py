"""Which frames are wanted. Pure, in exact arithmetic.

Instants are moments counted from the video's first frame. The target of an instant is the first frame
at or after it; a frame is taken once, under the first instant that it answers; an instant after the
last frame has none.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from msgspec import Struct


class Target(Struct, frozen=True):
    """A wanted frame: the number of the instant that it answers, and its time in units of the time base."""

    slot: int
    pts: int


class Instants(Protocol):
    """Moments in ascending order, numbered by slot."""

    def reached_after(self, time_base: Fraction) -> Callable[[int], int]:
        """A function that tells how many instants lie at or before so many ticks of `time_base` seconds
        after the first frame."""
        ...

    def slot(self, number: int) -> int:
        """The slot of instant `number`, from 0."""
        ...


class EveryInterval(Struct, frozen=True):
    """0, 1, 2 … × the interval (in seconds)."""

    interval: Fraction

    def reached_after(self, time_base: Fraction) -> Callable[[int], int]:
        ticks, instants = (time_base / self.interval).as_integer_ratio()[::-1]
        return lambda passed: max(0, passed * instants // ticks + 1)

    def slot(self, number: int) -> int:
        return number


class AtTimes(Struct, frozen=True):
    """Given moments in seconds, ascending, each with its slot."""

    seconds: Sequence[Fraction]
    slots: Sequence[int]

    def reached_after(self, time_base: Fraction) -> Callable[[int], int]:
        steps = self.ticks(time_base)
        return lambda passed: bisect_right(steps, passed)

    def ticks(self, time_base: Fraction) -> list[int]:
        """The moments in units of `time_base`, rounded up."""
        return [-(-moment // time_base) for moment in self.seconds]

    def slot(self, number: int) -> int:
        return self.slots[number]


@dataclass(slots=True)
class InstantClock:
    """Walks along the frames in the order in which they are shown. `first_pts` in units of `time_base`
    seconds is the moment 0."""

    first_pts: int
    time_base: Fraction
    instants: Instants
    _answered: int = field(default=0, init=False)
    _reached: Callable[[int], int] = field(init=False)

    def __post_init__(self) -> None:
        self._reached = self.instants.reached_after(self.time_base)

    def answered_slot(self, pts: int) -> int | None:
        """The slot of the first instant that the frame at `pts` answers; `None` if it answers none."""
        reached = self._reached(pts - self.first_pts)
        if reached <= self._answered:
            return None
        slot, self._answered = self.instants.slot(self._answered), reached
        return slot


def find_targets(shown_pts: Sequence[int], time_base: Fraction, instants: Instants) -> list[Target]:
    """The targets of a video that shows frames at `shown_pts` (ascending), in order."""
    if not shown_pts:
        return []
    clock = InstantClock(shown_pts[0], time_base, instants)
    found = ((clock.answered_slot(pts), pts) for pts in shown_pts)
    return [Target(slot, pts) for slot, pts in found if slot is not None]


def spread(targets: Sequence[Target], count: int) -> list[Target]:
    """`count` of the targets, evenly over all of them, the first included."""
    if count >= len(targets):
        return list(targets)
    return [targets[number * len(targets) // count] for number in range(count)]


def exactly(targets: Iterable[Target], first_pts: int, time_base: Fraction) -> AtTimes:
    """Instants whose targets are just these frames, under the slots that they have."""
    chosen = list(targets)
    return AtTimes(
        [(target.pts - first_pts) * time_base for target in chosen], [target.slot for target in chosen]
    )


def relax(targets: Sequence[Target], tolerance_ticks: int, cheaper: Sequence[Sequence[int]]) -> list[Target]:
    """Replace each target by a frame at most `tolerance_ticks` from it that costs less to decode.

    `cheaper` lists the pts of such frames, ascending, the cheapest kind first. The nearest of the
    first kind that has one in reach is taken. Order and number of the targets stay as they are.
    """
    relaxed: list[Target] = []
    for place, target in enumerate(targets):
        after = relaxed[-1].pts if relaxed else None
        before = targets[place + 1].pts if place + 1 < len(targets) else None
        fits = _between(after, before)
        near = (_nearest(kind, target.pts, tolerance_ticks, fits) for kind in cheaper)
        pts = next((found for found in near if found is not None), target.pts)
        relaxed.append(Target(target.slot, pts))
    return relaxed


def _between(after: int | None, before: int | None) -> Callable[[int], bool]:
    return lambda pts: (after is None or pts > after) and (before is None or pts < before)


def _nearest(candidates: Sequence[int], pts: int, most: int, fits: Callable[[int], bool]) -> int | None:
    place = bisect_right(candidates, pts)
    around = [
        candidate for candidate in candidates[max(0, place - 1) : place + 1] if abs(candidate - pts) <= most
    ]
    return min(filter(fits, around), key=lambda candidate: abs(candidate - pts), default=None)
