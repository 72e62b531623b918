"""Define the sampling strategies, one class each. Pure.

The modules of media and pipeline read the attributes of a strategy and do not compare its name. To add one,
add a class to `STRATEGIES`, its name and text to `extractor.domain.policy` (`Strategy`, `STRATEGY_TEXTS`, and
`SCENE_STRATEGIES` if it takes frames of scenes), and its name to the options in
`extractor.domain.sampling_options` that only some strategies use.
"""

from collections.abc import Sequence
from itertools import chain
from typing import ClassVar, Final

from extractor.domain.policy import SamplingPolicy, Strategy, exact_seconds, least_seconds
from extractor.media.choice import at_random, existing, spread_in_time, targets_at
from extractor.media.cover import cover_frame
from extractor.media.frame_times import FrameTimes, ScenesInPart
from extractor.media.sampling import EveryInterval, GivenTimes, Later, SampleTimes, Targets, find_targets


class SamplingStrategy:
    """How the frames of a video are selected.

    Attributes:
        has_sample_times: Whether it selects the targets of sample times, which `sample_times` returns.
        needs_frame_times: Whether it chooses among all frames, so that their times must be known.
        intra_only: Whether it selects keyframes, which are decoded without other frames.
        single_pass_max_bytes: Up to this file size, the index and the images are made in one run of FFmpeg.
        unplanned_single_pass_max_bytes: The same for codecs of which all frames are decoded anyway.
    """

    has_sample_times: ClassVar[bool] = False
    needs_frame_times: ClassVar[bool] = False
    intra_only: ClassVar[bool] = False
    single_pass_max_bytes: ClassVar[int] = 0
    unplanned_single_pass_max_bytes: ClassVar[int] = 0

    def targets(self, frames: FrameTimes, policy: SamplingPolicy) -> Targets:
        """Return the frames of a video that a policy selects, between its `start` and `end`."""
        part = frames.within(policy)
        sample_times = self.sample_times(policy)
        if start := frames.start(policy):
            sample_times = Later(sample_times, start)
        return find_targets(frames.pts[: part.stop], frames.time_base, sample_times)

    def compares_frames(self, policy: SamplingPolicy) -> bool:  # noqa: ARG002 - of some strategies
        """Return whether it needs the sharpness and the contrast of all frames of the scenes."""
        return False

    def targets_of_scenes(self, frames: FrameTimes, scenes: ScenesInPart, policy: SamplingPolicy) -> Targets:
        """Return the frames of scenes that a policy selects.

        Raises:
            NotImplementedError: The strategy does not select frames of scenes.
        """
        raise NotImplementedError

    def sample_times(self, policy: SamplingPolicy) -> SampleTimes:
        """Return the sample times of a policy.

        Raises:
            NotImplementedError: The strategy has no sample times.
        """
        raise NotImplementedError


class Uniform(SamplingStrategy):
    """Sample times at regular intervals."""

    has_sample_times = True
    single_pass_max_bytes = 100_000
    unplanned_single_pass_max_bytes = 8_000_000

    def sample_times(self, policy: SamplingPolicy) -> SampleTimes:
        return EveryInterval(exact_seconds(policy.interval_seconds))


class Timestamps(SamplingStrategy):
    """Sample times at given times."""

    has_sample_times = True
    single_pass_max_bytes = 100_000
    unplanned_single_pass_max_bytes = 8_000_000

    def sample_times(self, policy: SamplingPolicy) -> SampleTimes:
        times = [least_seconds(seconds) for seconds in sorted(set(policy.timestamps_seconds))]
        return GivenTimes(times, range(len(times)))


class Keyframe(SamplingStrategy):
    """All keyframes."""

    intra_only = True
    single_pass_max_bytes = unplanned_single_pass_max_bytes = 8_000_000


class Scene(SamplingStrategy):
    """One frame of each scene. The scenes are found before, in a separate pass."""

    def compares_frames(self, policy: SamplingPolicy) -> bool:
        return policy.scene_frame == "sharpest"

    def targets_of_scenes(self, frames: FrameTimes, scenes: ScenesInPart, policy: SamplingPolicy) -> Targets:
        chosen = (self._frame(numbers, scenes.sharpness, policy) for numbers in scenes.frames.values())
        return Targets(scenes.frames, map(frames.pts.__getitem__, chosen))

    @staticmethod
    def _frame(numbers: range, sharpness: Sequence[float], policy: SamplingPolicy) -> int:
        if policy.scene_frame == "first":
            return numbers[0]
        if policy.scene_frame == "middle":
            return (numbers[0] + numbers[-1]) // 2
        measured = range(numbers.start, min(numbers.stop, len(sharpness)))
        return max(measured, key=sharpness.__getitem__)


class Cover(SamplingStrategy):
    """The one best frame."""

    def compares_frames(self, policy: SamplingPolicy) -> bool:  # noqa: ARG002
        return True

    def targets_of_scenes(self, frames: FrameTimes, scenes: ScenesInPart, policy: SamplingPolicy) -> Targets:  # noqa: ARG002
        return targets_at(frames, [cover_frame(frames, scenes)] if scenes.frames else [])


class PerScene(SamplingStrategy):
    """A number of frames of each scene. The slots count the frames."""

    def targets_of_scenes(self, frames: FrameTimes, scenes: ScenesInPart, policy: SamplingPolicy) -> Targets:
        chosen = (
            spread_in_time(frames, numbers, frames.shown_for(numbers), policy.per_scene or 1)
            for numbers in scenes.frames.values()
        )
        return targets_at(frames, chain.from_iterable(chosen))


class GivenFrames(SamplingStrategy):
    """Frames of given numbers, which are their slots. Numbers that no frame has are left out."""

    needs_frame_times = True

    def targets(self, frames: FrameTimes, policy: SamplingPolicy) -> Targets:
        numbers = sorted(set(existing(policy.frames, len(frames.pts))))
        return targets_at(frames, numbers, slots=numbers)


class EveryNFrames(SamplingStrategy):
    """Every n-th frame."""

    needs_frame_times = True

    def targets(self, frames: FrameTimes, policy: SamplingPolicy) -> Targets:
        return targets_at(frames, frames.within(policy)[:: policy.every_n_frames])


class Count(SamplingStrategy):
    """A number of frames, spread evenly in time."""

    needs_frame_times = True

    def targets(self, frames: FrameTimes, policy: SamplingPolicy) -> Targets:
        span, part = frames.span(policy), frames.within(policy)
        return targets_at(frames, spread_in_time(frames, part, span, policy.count or 1))


class AtRandom(SamplingStrategy):
    """A number of frames at random."""

    needs_frame_times = True

    def targets(self, frames: FrameTimes, policy: SamplingPolicy) -> Targets:
        return targets_at(frames, at_random(frames.within(policy), policy.random or 1, policy.seed))


STRATEGIES: Final[dict[Strategy, SamplingStrategy]] = {
    "uniform": Uniform(),
    "keyframe": Keyframe(),
    "scene": Scene(),
    "cover": Cover(),
    "timestamps": Timestamps(),
    "frames": GivenFrames(),
    "every_n_frames": EveryNFrames(),
    "count": Count(),
    "random": AtRandom(),
    "per_scene": PerScene(),
}
"""The strategies by name."""


def strategy_of(policy: SamplingPolicy) -> SamplingStrategy:
    """Return the strategy of a policy."""
    return STRATEGIES[policy.strategy]
