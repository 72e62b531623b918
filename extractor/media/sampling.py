"""Which presentation times are wanted. Pure, in exact arithmetic.

The instants are 0, 1, 2 … × the interval, counted from the video's first frame. The target of an
instant is the first frame at or after it; a frame is taken once, under the first instant that it
answers; an instant after the last frame has none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction


@dataclass(slots=True)
class InstantClock:
    """Walks along the frames in the order in which they are shown.

    `first_pts` in units of `time_base` seconds is instant 0; `interval` in seconds.
    """

    first_pts: int
    time_base: Fraction
    interval: Fraction
    _unanswered: int = 0

    def answered_instant(self, pts: int) -> int | None:
        """The number of the first instant that the frame at `pts` answers; `None` if it answers none."""
        reached = self._last_instant_at(pts)
        if reached < self._unanswered:
            return None
        answered, self._unanswered = self._unanswered, reached + 1
        return answered

    def _last_instant_at(self, pts: int) -> int:
        ticks = (pts - self.first_pts) * self.time_base / self.interval
        return ticks.numerator // ticks.denominator


def count_targets(shown_pts: Iterable[int], time_base: Fraction, interval: Fraction) -> int:
    """How many frames of a video with frames at `shown_pts` (ascending) are wanted."""
    clock: InstantClock | None = None
    count = 0
    for pts in shown_pts:
        clock = clock or InstantClock(pts, time_base, interval)
        count += clock.answered_instant(pts) is not None
    return count
