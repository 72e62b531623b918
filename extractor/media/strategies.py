"""Define the sampling strategies, one class each. Pure.

The modules of media and pipeline read the attributes of a strategy and do not compare its name. To add one,
add a class to `STRATEGIES`, its name and text to `extractor.domain.policy` (`Strategy`, `STRATEGY_TEXTS`, and
`SCENE_STRATEGIES` if it takes frames of scenes), and its name to the options in
`extractor.domain.sampling_options` that only some strategies use.
"""

from typing import ClassVar, Final

from extractor.domain.policy import SamplingPolicy, Strategy, exact_seconds, least_seconds
from extractor.media.frame_times import FrameTimes
from extractor.media.sampling import EveryInterval, GivenTimes, Later, SampleTimes, Targets, find_targets


class SamplingStrategy:
    """How the frames of a video are selected.

    Attributes:
        has_sample_times: Whether it selects the targets of sample times, which `sample_times` returns.
        intra_only: Whether it selects keyframes, which are decoded without other frames.
        single_pass_max_bytes: Up to this file size, the index and the images are made in one run of FFmpeg.
        unplanned_single_pass_max_bytes: The same for codecs of which all frames are decoded anyway.
    """

    has_sample_times: ClassVar[bool] = False
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


STRATEGIES: Final[dict[Strategy, SamplingStrategy]] = {
    "uniform": Uniform(),
    "keyframe": Keyframe(),
    "scene": Scene(),
    "timestamps": Timestamps(),
}
"""The strategies by name."""


def strategy_of(policy: SamplingPolicy) -> SamplingStrategy:
    """Return the strategy of a policy."""
    return STRATEGIES[policy.strategy]
