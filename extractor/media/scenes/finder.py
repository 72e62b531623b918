"""Finding scenes on a decode: beside the images, or in a pass of its own to choose a frame of each.

OpenCV and PySceneDetect are imported when a watch begins, not before.
"""

from array import array
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

from msgspec import Struct

from extractor.domain.models import Scene
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
from extractor.media.scenes.boundaries import scenes_between
from extractor.media.scenes.downscale import DownscaleSpec, downscale_spec

_SLOWEST: Final = Fraction(10_000_000)
"""Seconds for a frame. PySceneDetect refuses rates that are much lower."""


class SceneFinder:
    """Sees every decoded frame, small and raw; afterwards knows the scenes, and how sharp each frame is if
    that is what their frames are chosen by."""

    def __init__(self, index: VideoIndex, policy: SamplingPolicy) -> None:
        from extractor.media.metrics import sharpness_of_colours
        from extractor.media.scenes.cut_detector import CutDetector

        self.sharpness = array("d")
        self._measure = sharpness_of_colours if policy.scene_frame == "sharpest" else None
        self.stream = _stream(index)
        rate = nominal_rate(index.frame_rate)
        self._finder = CutDetector(self.stream, rate, policy.detector or "content", policy.scene_threshold)

    def see(self, child: FFmpegProcess, seconds: float) -> None:
        """Take the next frame from the pipe ``scenes``, shown at `seconds` after the first."""
        frame = child.read_exactly("scenes", self.stream.frame_bytes)
        if frame is None:  # FFmpeg died; its exit status will tell
            return
        picture = self._finder.feed(frame, seconds)
        if self._measure is not None:
            self.sharpness.append(self._measure(picture))

    def scenes(self, end_seconds: float) -> tuple[Scene, ...]:
        """All scenes of a video that ends then: at least one."""
        return scenes_between(self._finder.finish(), 0.0, end_seconds)


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


def nominal_rate(frame_rate: float) -> Fraction:
    """The rate that was meant, in frames per second: 30000/1001 for 29.97003. That of a slow video is the
    inverse of a simple number. Where the rate is unknown, 25."""
    if frame_rate <= 0:
        return Fraction(25)
    rate = Fraction(frame_rate)
    if rate >= 1:
        return rate.limit_denominator(1001)
    return 1 / min(1 / rate, _SLOWEST).limit_denominator(1001)


def _stream(index: VideoIndex) -> DownscaleSpec:
    turned = round(index.rotation_degrees / 90) % 2 == 1
    width, height = (index.height, index.width) if turned else (index.width, index.height)
    return downscale_spec(width, height, index.pixel_format)


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
