"""Find scenes and choose one frame of each, in a decode without images."""

from array import array
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from extractor.domain.frames import Scene
from extractor.domain.policy import SamplingPolicy
from extractor.media.decode import exit_check
from extractor.media.decode.session import (
    DecodeAgainError,
    abort_on_damage,
    check_interlacing,
    interlace_pipes,
    offset_seconds,
    wait,
)
from extractor.media.ffmpeg import command
from extractor.media.ffmpeg.command import Urls
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.filters import have_same_filters
from extractor.media.ffmpeg.frame_stream import Timestamp, timestamps
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import FFmpegProcess, run_ffmpeg
from extractor.media.frame_times import FrameTimes, ScenesInPart
from extractor.media.probe.table_index import UnconfirmedIndexError, confirm_index
from extractor.media.probe.video_index import VideoIndex
from extractor.media.sampling import Targets
from extractor.media.scenes.finder import SceneFinder
from extractor.media.strategies import strategy_of


class SceneSelection(Struct, frozen=True):
    """The scenes of a video, and the chosen frames of each.

    Attributes:
        index: The index, updated with the actual signal format of the frames.
        scenes: The scenes.
        targets: The chosen frames of the scenes; none if the policy selects no scenes.
        start: The timestamp of the first frame.
    """

    index: VideoIndex
    scenes: tuple[Scene, ...]
    targets: Targets
    start: Timestamp


def find_scenes(
    source: DecoderInput, index: VideoIndex, policy: SamplingPolicy, budget: ProcessLimits
) -> SceneSelection:
    """Decode all frames to find the scenes, and choose frames of each by the strategy.

    Args:
        source: The file and its stream.
        index: The index of the video.
        policy: The sampling policy.
        budget: The limits of FFmpeg.

    Raises:
        UnconfirmedIndexError: The index was predicted and is wrong.
        ExtractorError: The video cannot be decoded.
    """
    error = exit_check.check_truncation(
        index.duration_seconds, index.expected_seconds, source.limits, certain=index.truncated
    )
    if error:
        raise error
    try:
        return _decode(source, index, policy, budget)
    except DecodeAgainError as again:
        assert again.picture is not None
        index = replace(index, picture=again.picture, order=None)
    except _OtherFiltersError as confirmed:
        index = confirmed.index
    return find_scenes(source, index, policy, budget)


def _decode(
    source: DecoderInput, index: VideoIndex, policy: SamplingPolicy, budget: ProcessLimits
) -> SceneSelection:
    finder = SceneFinder(index, policy)
    start: Timestamp | None = None
    shown = array("q")

    def build(urls: Urls) -> Sequence[str]:
        return command.build_scenes(
            source, index.picture, urls, finder.spec.filters, describes_input=index.is_predicted
        )

    pipes = ("frames", "scenes", *interlace_pipes(index.picture))
    with run_ffmpeg(build, pipes, budget) as child, abort_on_damage(child, index, source.limits):
        for timestamp in timestamps(child, finder.read):
            if index.is_predicted:
                index = _confirmed(index, child, finder, source, budget)
            check_interlacing(child, index.picture)
            start = start or timestamp
            shown.append(timestamp.pts)
            finder.feed(offset_seconds(timestamp, start))
        status = wait(child, index.picture)
    if index.is_predicted:  # without a frame, the index by FFmpeg gives the reason
        raise UnconfirmedIndexError
    _raise_for_status(source, index, child, status, len(shown))
    assert start is not None
    last = Timestamp(shown[-1], start.time_base)
    scenes = finder.scenes(max(index.duration_seconds, offset_seconds(last, start)))
    frames = FrameTimes(shown, start.time_base, index.duration_seconds)
    in_part = ScenesInPart(_frames_of(scenes, frames.within(policy)), finder.sharpness, finder.contrast)
    strategy = strategy_of(policy)
    targets = strategy.targets_of_scenes(frames, in_part, policy) if policy.selects_scenes else Targets()
    return SceneSelection(index, scenes, targets, start)


class _OtherFiltersError(Exception):
    """The confirmed index asks for other filters than the predicted one."""

    def __init__(self, index: VideoIndex) -> None:
        super().__init__()
        self.index = index


def _confirmed(
    predicted: VideoIndex,
    child: FFmpegProcess,
    finder: SceneFinder,
    source: DecoderInput,
    budget: ProcessLimits,
) -> VideoIndex:
    """Return the index that follows from FFmpeg's description of the file.

    Raises:
        UnconfirmedIndexError: The predicted index is wrong.
        _OtherFiltersError: The frames must be decoded again.
    """
    index = confirm_index(predicted, child.stderr, source, budget)
    if have_same_filters(predicted.picture, index.picture) and finder.suits(index):
        return index
    raise _OtherFiltersError(index)


def _frames_of(scenes: Sequence[Scene], part: range) -> dict[int, range]:
    """Return, by the number of each scene that has frames in a part of the video, the numbers of these."""
    ends = [*(scene.first_frame for scene in scenes[1:]), part.stop]
    frames = (
        (scene.index, range(max(scene.first_frame, part.start), min(end, part.stop)))
        for scene, end in zip(scenes, ends, strict=True)
    )
    return {index: numbers for index, numbers in frames if numbers}


def _raise_for_status(
    source: DecoderInput, index: VideoIndex, child: FFmpegProcess, status: int, frames: int
) -> None:
    end = exit_check.DecodeResult(
        status=status,
        images=frames,
        decode_errors=child.stderr.decode_errors,
        expected_frames=index.frame_count,
        decoded_seconds=index.duration_seconds,
        expected_seconds=index.duration_seconds,
        out_of_memory=child.stderr.out_of_memory,
        summary=child.stderr.summary,
    )
    if error := exit_check.check_decode(end, source.limits):
        raise error
