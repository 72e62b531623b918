"""The times of all frames of a video, and the part of them between `start` and `end`. Pure, exact."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from fractions import Fraction

from msgspec import Struct

from extractor.domain.policy import SamplingPolicy, exact_seconds


class FrameTimes(Struct, frozen=True):
    """The times of all frames of a video.

    Attributes:
        pts: The timestamps of the frames, ascending; at least one.
        time_base: The unit of timestamps, in seconds.
        duration_seconds: From the first frame to the end of the last one.
    """

    pts: Sequence[int]
    time_base: Fraction
    duration_seconds: float

    def start(self, policy: SamplingPolicy) -> Fraction:
        """Return the beginning of the requested part, in seconds after the first frame."""
        return self._moment(policy.start_seconds, Fraction(0))

    def end(self, policy: SamplingPolicy) -> Fraction:
        """Return the end of the requested part, in seconds after the first frame."""
        return self._moment(policy.end_seconds, exact_seconds(self._duration))

    def span(self, policy: SamplingPolicy) -> tuple[Fraction, Fraction]:
        """Return the beginning and the end of the requested part, as far as the video goes."""
        return self.start(policy), min(self.end(policy), exact_seconds(self._duration))

    def shown_for(self, numbers: range) -> tuple[Fraction, Fraction]:
        """Return when the first of successive frames begins and the last one ends."""
        after = numbers.stop
        end = self._seconds(after) if after < len(self.pts) else exact_seconds(self._duration)
        return self._seconds(numbers.start), end

    def within(self, policy: SamplingPolicy) -> range:
        """Return the numbers of the frames at or after `start` and before `end`.

        Without `end`, the last frame is included even if the duration is wrong.
        """
        first = self.first_at(self.start(policy))
        last = len(self.pts) if policy.end_seconds is None else self.first_at(self.end(policy))
        return range(first, max(first, last))

    def ticks_shown(self, number: int) -> int:
        """Return how long a frame is shown, in units of the time base."""
        if number + 1 < len(self.pts):
            return self.pts[number + 1] - self.pts[number]
        return round((exact_seconds(self._duration) - self._seconds(number)) / self.time_base)

    def first_at(self, seconds: Fraction) -> int:
        """Return the number of the first frame at or after a time; the number of frames if there is none."""
        return bisect_left(self.pts, -(-seconds // self.time_base) + self.pts[0])

    @property
    def _duration(self) -> float:
        return max(self.duration_seconds, float(self._seconds(-1)))

    def _seconds(self, number: int) -> Fraction:
        return (self.pts[number] - self.pts[0]) * self.time_base

    def _moment(self, seconds: float | None, default: Fraction) -> Fraction:
        """Return the time that an option stands for; a negative one counts from the end of the video."""
        if seconds is None:
            return default
        origin = exact_seconds(self._duration) if seconds < 0 else 0
        return max(Fraction(0), origin + exact_seconds(seconds))


class ScenesInPart(Struct, frozen=True):
    """The scenes of the requested part of a video.

    Attributes:
        frames: By the number of each scene: the numbers of its frames in the part, at least one.
        sharpness: The sharpness of each frame of the video, if the strategy compares frames.
        contrast: The contrast of each frame, likewise.
    """

    frames: Mapping[int, range]
    sharpness: Sequence[float]
    contrast: Sequence[float]
