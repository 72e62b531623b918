"""A decode that makes no images: it finds the scenes and chooses the frame that stands for each."""

from array import array
from collections.abc import Sequence
from dataclasses import replace

from msgspec import Struct

from extractor.domain.frames import Scene
from extractor.domain.policy import SamplingPolicy
from extractor.media.decode import exit_check
from extractor.media.decode.session import (
    DecodeAgainError,
    check_fields,
    limited_damage,
    offset_seconds,
    wait,
    watched_pipes,
)
from extractor.media.ffmpeg import command
from extractor.media.ffmpeg.command import DecoderInput, Urls
from extractor.media.ffmpeg.frame_stream import Timestamp, timestamps
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import FFmpegProcess, run_ffmpeg
from extractor.media.probe.index import VideoIndex
from extractor.media.sampling import Targets
from extractor.media.scenes.finder import SceneFinder


class SceneSelection(Struct, frozen=True):
    """The scenes, and of each the frame that stands for it (its slot is the number of the scene). The `index`
    is the one that was given, with what the decode told of its frames."""

    index: VideoIndex
    scenes: tuple[Scene, ...]
    targets: Targets
    start: Timestamp


def find_scenes(
    source: DecoderInput, index: VideoIndex, policy: SamplingPolicy, budget: ProcessLimits
) -> SceneSelection:
    """Decode once to find the scenes and the frame that `policy.scene_frame` wants of each."""
    objection = exit_check.check_truncation(
        index.duration_seconds, index.expected_seconds, source.limits, certain=index.truncated
    )
    if objection:
        raise objection
    try:
        return _find(source, index, policy, budget)
    except DecodeAgainError as found:
        assert found.picture is not None
        index = replace(index, picture=found.picture, order=None)
        return find_scenes(source, index, policy, budget)


def _find(
    source: DecoderInput, index: VideoIndex, policy: SamplingPolicy, budget: ProcessLimits
) -> SceneSelection:
    watch = SceneFinder(index, policy)
    start: Timestamp | None = None
    shown = array("q")

    def build(urls: Urls) -> Sequence[str]:
        return command.build_scenes(source, index.picture, urls, watch.stream.filters)

    pipes = ("frames", "scenes", *watched_pipes(index.picture))
    with run_ffmpeg(build, pipes, budget) as child, limited_damage(child, index, source.limits):
        for moment in timestamps(child):
            check_fields(child, index.picture)
            start = start or moment
            shown.append(moment.pts)
            watch.see(child, offset_seconds(moment, start))
        status = wait(child, index.picture)
    _raise_for_status(source, index, child, status, len(shown))
    assert start is not None
    last = Timestamp(shown[-1], start.time_base)
    scenes = watch.scenes(max(index.duration_seconds, offset_seconds(last, start)))
    chosen = [_place(scene, end, watch.sharpness, policy) for scene, end in _with_ends(scenes, len(shown))]
    targets = Targets((scene.index for scene in scenes), (shown[place] for place in chosen))
    return SceneSelection(index, scenes, targets, start)


def _with_ends(scenes: Sequence[Scene], frame_count: int) -> list[tuple[Scene, int]]:
    """Each scene with the number of the frame that follows its last."""
    ends = [*(scene.first_frame for scene in scenes[1:]), frame_count]
    return list(zip(scenes, ends, strict=True))


def _place(scene: Scene, end: int, sharpness: Sequence[float], policy: SamplingPolicy) -> int:
    if policy.scene_frame == "first":
        return scene.first_frame
    if policy.scene_frame == "middle":
        return (scene.first_frame + end - 1) // 2
    return max(range(scene.first_frame, min(end, len(sharpness))), key=sharpness.__getitem__)


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
        words=child.stderr.words,
    )
    if objection := exit_check.check_decode(end, source.limits):
        raise objection
