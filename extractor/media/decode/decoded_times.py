"""Determine the timestamps of frames by a decode without images, if the packets have none."""

from array import array
from collections.abc import Sequence

from msgspec.structs import replace

from extractor.domain.policy import SamplingPolicy
from extractor.errors import UnreadableError
from extractor.media.decode.schedule import DecodeSchedule, schedule_targets
from extractor.media.decode.session import (
    DecodeAgainError,
    abort_on_damage,
    check_interlacing,
    interlace_pipes,
    wait,
)
from extractor.media.ffmpeg import command
from extractor.media.ffmpeg.command import Urls
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.frame_stream import Timestamp, timestamps
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import run_ffmpeg
from extractor.media.frame_times import FrameTimes
from extractor.media.probe.video_index import VideoIndex
from extractor.media.strategies import strategy_of


def needs_times(index: VideoIndex, policy: SamplingPolicy) -> bool:
    """Whether the selection depends on the timestamps of all frames, and the packets have none.

    Args:
        index: The index of the video.
        policy: The sampling policy.
    """
    is_spread = policy.max_frames is not None and policy.max_frames_mode == "spread"
    strategy = strategy_of(policy)
    has_part = (is_spread or policy.takes_part) and strategy.has_sample_times
    return (has_part or strategy.needs_frame_times) and not index.shown_pts


def schedule_decoded(
    source: DecoderInput, index: VideoIndex, policy: SamplingPolicy, budget: ProcessLimits
) -> DecodeSchedule:
    """Decode all frames once to determine their timestamps, and schedule the targets.

    Args:
        source: The file and its stream.
        index: The index of the video.
        policy: The sampling policy.
        budget: The limits of FFmpeg.

    Returns:
        The schedule, without a plan.

    Raises:
        ExtractorError: The video cannot be decoded.
    """
    try:
        start, shown = _decoded_times(source, index, budget)
    except DecodeAgainError as again:
        assert again.picture is not None
        return schedule_decoded(source, replace(index, picture=again.picture), policy, budget)
    frames = FrameTimes(shown, start.time_base, index.duration_seconds)
    targets = strategy_of(policy).targets(frames, policy)
    return schedule_targets(index, targets, start, policy)


def _decoded_times(
    source: DecoderInput, index: VideoIndex, budget: ProcessLimits
) -> tuple[Timestamp, "array[int]"]:
    def build(urls: Urls) -> Sequence[str]:
        return command.build_scenes(source, index.picture, urls, None)

    start: Timestamp | None = None
    shown = array("q")
    with (
        run_ffmpeg(build, ("frames", *interlace_pipes(index.picture)), budget) as child,
        abort_on_damage(child, index, source.limits),
    ):
        for timestamp in timestamps(child):
            check_interlacing(child, index.picture)
            start = start or timestamp
            shown.append(timestamp.pts)
        wait(child, index.picture)
    if start is None:
        raise UnreadableError(f"no frame could be decoded: {child.stderr.summary}")
    return start, shown
