"""Detect cuts with PySceneDetect's detectors in frames that FFmpeg decodes.

The cuts are those of the command ``scenedetect`` with default settings; their timestamps are the actual ones
of the frames. This module imports OpenCV: import it only if scenes are requested.
"""

from array import array
from bisect import bisect_left
from fractions import Fraction
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode, Timecode

from extractor.domain.policy import Detector
from extractor.media.scenes.boundaries import Cut
from extractor.media.scenes.detectors import build_detector
from extractor.media.scenes.downscale import DownscaleSpec

_TICK: Final = Fraction(1, 1_000_000)
"""The time base of PySceneDetect's OpenCV reader."""

_ROUND_UP: Final = 16.5
"""Added before a 16-bit sample is rounded to 8 bits: OpenCV rounds halves up, and FFmpeg's samples deviate by
up to 36. The fraction .5 avoids ties."""


class CutDetector:
    """Incremental cut detection: `feed` it all frames in presentation order, then call `finish` once.

    Args:
        spec: The downscaling of the frames.
        frame_rate: The nominal frame rate. It only converts PySceneDetect's shortest scene, 0.6 s, to a
            number of frames, as the command does.
        detector: The detector of PySceneDetect.
        threshold: The threshold of the detector; ``None`` for its default.
    """

    def __init__(
        self,
        spec: DownscaleSpec,
        frame_rate: Fraction,
        detector: Detector = "content",
        threshold: float | None = None,
    ) -> None:
        self._spec = spec
        self._rate = FrameTimecode(0, frame_rate)
        self._detector = build_detector(detector, threshold, frame_rate)
        self._times = array("d")
        self._cuts: list[FrameTimecode] = []

    def feed(self, frame: bytes | memoryview, pts_seconds: float) -> NDArray[np.uint8]:
        """Process the next frame.

        Args:
            frame: The raw frame: `DownscaleSpec.frame_bytes` bytes.
            pts_seconds: The timestamp of the frame.

        Returns:
            The frame as an array of rows × columns × 3 (blue, green, red), which may share the memory of
            `frame`.
        """
        picture = self._picture(frame)
        self._times.append(pts_seconds)
        self._cuts += self._detector.process_frame(self._timecode(pts_seconds), picture)
        return picture

    def finish(self) -> tuple[Cut, ...]:
        """Return all cuts, ascending. `feed` must not be called afterwards."""
        if self._times:
            self._cuts += self._detector.post_process(self._timecode(self._times[-1]))
        frames = sorted({self._frame_at(found.seconds) for found in self._cuts})
        return tuple(Cut(frame, self._times[frame]) for frame in frames)

    def _timecode(self, seconds: float) -> FrameTimecode:
        return FrameTimecode(Timecode(round(seconds * _TICK.denominator), _TICK), fps=self._rate)

    def _picture(self, frame: bytes | memoryview) -> NDArray[np.uint8]:
        spec = self._spec
        samples = np.uint8 if spec.sample_bytes == 1 else "<u2"
        width, height = spec.raw_size
        picture = np.frombuffer(frame, samples).reshape(height, width, 3)
        if spec.sample_bytes == 2:
            picture = cv2.convertScaleAbs(picture, alpha=1 / 256, beta=_ROUND_UP / 256)
        if spec.repeats > 1:
            picture = cv2.resize(picture, (spec.width, spec.height), interpolation=cv2.INTER_NEAREST)
        elif spec.full_size:
            picture = cv2.resize(picture, (spec.width, spec.height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(picture, np.uint8)

    def _frame_at(self, seconds: float) -> int:
        """Return the number of the frame nearest to a cut.

        Detectors return timestamps of frames, except the one for fades: it computes the middle of the black
        part by the frame rate, where there may be no frame.
        """
        after = bisect_left(self._times, seconds)
        neighbours = range(max(0, after - 1), min(after + 1, len(self._times)))
        return min(neighbours, key=lambda frame: abs(self._times[frame] - seconds))
