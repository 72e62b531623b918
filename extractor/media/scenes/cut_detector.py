"""Cut detection by PySceneDetect's detectors, frame after frame, on a stream that somebody else decodes.

The cuts are those of PySceneDetect's own command with its default settings; their times are the true ones
of the frames. This module loads OpenCV: import it where scenes are asked for, and only there.
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
"""What PySceneDetect's OpenCV reader counts time in."""

_ROUND_UP: Final = 16.5
"""Added before a sixteen-bit sample is rounded to eight: OpenCV rounds halves up, and FFmpeg's samples are
off by up to 36. With the half, no sample is a tie."""


class CutDetector:
    """Feed it every frame of the video in the order shown, then ask once for the cuts.

    `frame_rate` is the nominal one. It only turns PySceneDetect's shortest scene, 0.6 s, into a number of
    frames, as the command does. `threshold` of `None` is the detector's default.
    """

    def __init__(
        self,
        stream: DownscaleSpec,
        frame_rate: Fraction,
        detector: Detector = "content",
        threshold: float | None = None,
    ) -> None:
        self._stream = stream
        self._rate = FrameTimecode(0, frame_rate)
        self._detector = build_detector(detector, threshold, frame_rate)
        self._times = array("d")
        self._found: list[FrameTimecode] = []

    def feed(self, frame: bytes, pts_seconds: float) -> NDArray[np.uint8]:
        """Take the next raw frame of the stream, `frame_bytes` long, shown at `pts_seconds`; returns it as
        a picture."""
        picture = self._picture(frame)
        self._times.append(pts_seconds)
        self._found += self._detector.process_frame(self._timecode(pts_seconds), picture)
        return picture

    def finish(self) -> tuple[Cut, ...]:
        """All cuts, in ascending order. No frame may be fed afterwards."""
        if self._times:
            self._found += self._detector.post_process(self._timecode(self._times[-1]))
        frames = sorted({self._frame_at(found.seconds) for found in self._found})
        return tuple(Cut(frame, self._times[frame]) for frame in frames)

    def _timecode(self, seconds: float) -> FrameTimecode:
        return FrameTimecode(Timecode(round(seconds * _TICK.denominator), _TICK), fps=self._rate)

    def _picture(self, frame: bytes) -> NDArray[np.uint8]:
        stream = self._stream
        samples = np.uint8 if stream.sample_bytes == 1 else "<u2"
        picture = np.frombuffer(frame, samples).reshape(stream.height, stream.width * stream.repeats, 3)
        if stream.sample_bytes == 2:
            picture = cv2.convertScaleAbs(picture, alpha=1 / 256, beta=_ROUND_UP / 256)
        if stream.repeats > 1:
            picture = cv2.resize(picture, (stream.width, stream.height), interpolation=cv2.INTER_NEAREST)
        return np.asarray(picture, np.uint8)

    def _frame_at(self, seconds: float) -> int:
        """The frame nearest to a cut. Detectors name the very time of a frame, except the one for fades:
        it computes the middle of the black by frame rate, where a frame need not be."""
        after = bisect_left(self._times, seconds)
        neighbours = range(max(0, after - 1), min(after + 1, len(self._times)))
        return min(neighbours, key=lambda frame: abs(self._times[frame] - seconds))
