"""Find scenes while frames are decoded, either together with the images or in a separate pass.

OpenCV and PySceneDetect are imported when a `SceneFinder` is created.
"""

from array import array
from fractions import Fraction
from typing import Final

from extractor.domain.frames import Scene
from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg.filters import Filter, for_scenes
from extractor.media.ffmpeg.pipes import ProcessPipes
from extractor.media.probe.video_index import VideoIndex
from extractor.media.scenes.boundaries import scenes_between
from extractor.media.scenes.downscale import DownscaleSpec, downscale_spec
from extractor.media.strategies import strategy_of

_MAX_FRAME_SECONDS: Final = Fraction(10_000_000)
"""The largest frame duration, in seconds. PySceneDetect rejects much lower frame rates."""


class SceneFinder:
    """Finds the scenes of a video from its downscaled frames.

    Attributes:
        sharpness: The sharpness of each frame, if the strategy compares frames.
        contrast: The contrast of each frame, likewise.
        spec: The downscaling of the frames.
    """

    def __init__(self, index: VideoIndex, policy: SamplingPolicy) -> None:
        from extractor.media.scenes.cut_detector import CutDetector

        self.sharpness = array("d")
        self.contrast = array("d")
        self._compares_frames = strategy_of(policy).compares_frames(policy)
        self.spec = _downscale_spec(index)
        self._filters = _filters(index)
        rate = nominal_rate(index.frame_rate)
        self._frame = memoryview(bytearray(self.spec.frame_bytes))
        self._has_frame = False
        self._detector = CutDetector(self.spec, rate, policy.detector or "content", policy.scene_threshold)

    def suits(self, index: VideoIndex) -> bool:
        """Whether a confirmed index asks for the same frames as the predicted one."""
        return _filters(index) == self._filters

    def read(self, pipes: ProcessPipes) -> None:
        """Read the next frame from the pipe ``scenes``."""
        self._has_frame = pipes.read_into("scenes", self._frame)

    def feed(self, seconds: float) -> None:
        """Process the frame that was read; it is shown `seconds` after the first one."""
        if not self._has_frame:  # FFmpeg died: the caller checks its exit status
            return
        picture = self._detector.feed(self._frame, seconds)
        if self._compares_frames:
            from extractor.media.metrics import contrast_of_colours, sharpness_of_colours

            self.sharpness.append(sharpness_of_colours(picture))
            self.contrast.append(contrast_of_colours(picture))

    def scenes(self, end_seconds: float) -> tuple[Scene, ...]:
        """Return the scenes of the video, which ends at `end_seconds`: at least one."""
        return scenes_between(self._detector.finish(), 0.0, end_seconds)


def nominal_rate(frame_rate: float) -> Fraction:
    """Return the nominal rate for an average frame rate: 30000/1001 for 29.97003.

    Rates below 1 are rounded to the inverse of a simple number. An unknown rate (0) becomes 25.
    """
    if frame_rate <= 0:
        return Fraction(25)
    rate = Fraction(frame_rate)
    if rate >= 1:
        return rate.limit_denominator(1001)
    return 1 / min(1 / rate, _MAX_FRAME_SECONDS).limit_denominator(1001)


def _filters(index: VideoIndex) -> list[Filter]:
    return [*for_scenes(index.picture), *_downscale_spec(index).filters]


def _downscale_spec(index: VideoIndex) -> DownscaleSpec:
    is_rotated = round(index.rotation_degrees / 90) % 2 == 1
    width, height = (index.height, index.width) if is_rotated else (index.width, index.height)
    return downscale_spec(width, height, index.pixel_format)
