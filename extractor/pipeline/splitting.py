"""Decide whether a video is split, and which frames a slice has. Pure: no I/O."""

from collections.abc import Sequence
from math import ceil

from extractor.domain.frames import DecodeLimits
from extractor.domain.jobs import FrameSlice
from extractor.domain.output_options import OutputOptions
from extractor.domain.policy import SamplingPolicy
from extractor.media.decode.schedule import DecodeSchedule, make_schedule
from extractor.media.decode.slices import (
    MAX_SLICES,
    can_split,
    estimate_seconds,
    schedule_slice,
    split_targets,
)
from extractor.media.decode.survey import FrameChoice
from extractor.media.probe.video_index import VideoIndex


class SplitNeeded(Exception):  # noqa: N818 - not an error: the work goes on elsewhere
    """The frames of a video take longer than one run should: they must be made in slices.

    Attributes:
        slices: The numbers of the frames of each slice, in order.
    """

    def __init__(self, slices: Sequence[range]) -> None:
        super().__init__(slices)
        self.slices = slices


class SliceMismatchError(Exception):
    """The frames of a slice may differ from those of the video in one piece, which must be made instead.

    The video has another number of frames than when it was split, since FFmpeg lists another one than the
    tables of the file; or the decode plan or the header turns out to be wrong in this slice. In one piece,
    that changes the decode of all frames, and the other slices cannot know it.
    """


def raise_if_long(choice: FrameChoice, output: OutputOptions, limits: DecodeLimits, seconds: float) -> None:
    """Raise an exception if the frames of a video are to be made in slices.

    Args:
        choice: The frames.
        output: What is stored for the video.
        limits: What a video may cost.
        seconds: How long the decode of a slice may take.

    Raises:
        SplitNeeded: They must be made in slices.
    """
    index, schedule = choice.index, choice.schedule
    if output != OutputOptions() or not choice.use_plan or not can_split(index, schedule, choice.policy):
        return
    if len(schedule.targets or ()) > limits.max_frames:
        return
    count = min(MAX_SLICES, ceil(estimate_seconds(index, schedule) / seconds))
    slices = split_targets(index, schedule, count) if count > 1 else ()
    if len(slices) > 1:
        raise SplitNeeded(slices)


def schedule_of(index: VideoIndex, policy: SamplingPolicy, part: FrameSlice | None) -> DecodeSchedule:
    """Return the schedule of a video, or of a slice of it.

    Args:
        index: The index of the video.
        policy: The sampling policy.
        part: The slice; ``None`` for all frames.

    Raises:
        SliceMismatchError: See `part_of`.
    """
    schedule = make_schedule(index, policy)
    return schedule if part is None else part_of(schedule, part, index, policy)


def part_of(
    schedule: DecodeSchedule, part: FrameSlice, index: VideoIndex, policy: SamplingPolicy
) -> DecodeSchedule:
    """Return the schedule of a slice.

    Args:
        schedule: The frames of the video.
        part: The slice.
        index: The index of the video.
        policy: The sampling policy.

    Raises:
        SliceMismatchError: The video has another number of frames than when it was split.
    """
    if schedule.targets is None or len(schedule.targets) != part.total:
        raise SliceMismatchError
    return schedule_slice(index, schedule, part.frames, policy)
