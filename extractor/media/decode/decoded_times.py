"""When frames are shown whose packets do not say it: a decode that makes no images."""

from array import array
from collections.abc import Sequence
from dataclasses import replace

from extractor.domain.policy import SamplingPolicy
from extractor.errors import UnreadableError
from extractor.media.decode.schedule import DecodeSchedule, instants_of, schedule_targets
from extractor.media.decode.session import DecodeAgainError, check_fields, limited_damage, wait, watched_pipes
from extractor.media.ffmpeg import command
from extractor.media.ffmpeg.command import DecoderInput, Urls
from extractor.media.ffmpeg.frame_stream import Timestamp, timestamps
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import run_ffmpeg
from extractor.media.probe.index import VideoIndex
from extractor.media.sampling import find_targets


def needs_times(index: VideoIndex, policy: SamplingPolicy) -> bool:
    """Whether the choice of frames depends on the times of all of them, and the packets do not tell those."""
    is_spread = policy.max_frames is not None and policy.max_frames_mode == "spread"
    return is_spread and policy.strategy in ("uniform", "timestamps") and not index.shown_pts


def schedule_decoded(
    source: DecoderInput, index: VideoIndex, policy: SamplingPolicy, budget: ProcessLimits
) -> DecodeSchedule:
    """The schedule for the frames as the decoder shows them."""
    try:
        start, shown = _decoded_times(source, index, budget)
    except DecodeAgainError as found:
        assert found.picture is not None
        return schedule_decoded(source, replace(index, picture=found.picture), policy, budget)
    targets = find_targets(shown, start.time_base, instants_of(policy))
    return schedule_targets(index, targets, start, policy)


def _decoded_times(
    source: DecoderInput, index: VideoIndex, budget: ProcessLimits
) -> tuple[Timestamp, "array[int]"]:
    def build(urls: Urls) -> Sequence[str]:
        return command.build_scenes(source, index.picture, urls, None)

    start: Timestamp | None = None
    shown = array("q")
    with (
        run_ffmpeg(build, ("frames", *watched_pipes(index.picture)), budget) as child,
        limited_damage(child, index, source.limits),
    ):
        for moment in timestamps(child):
            check_fields(child, index.picture)
            start = start or moment
            shown.append(moment.pts)
        wait(child, index.picture)
    if start is None:
        raise UnreadableError(f"not one frame could be decoded: {child.stderr.words}")
    return start, shown
