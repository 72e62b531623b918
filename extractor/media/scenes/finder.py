"""Finding scenes on a decode: beside the images, or in a pass of its own to choose a frame of each.

OpenCV and PySceneDetect are imported when a watch begins, not before.
"""

from array import array
from fractions import Fraction
from typing import Final

from extractor.domain.frames import Scene
from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg.process import FFmpegProcess
from extractor.media.probe.index import VideoIndex
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
