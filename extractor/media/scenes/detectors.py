"""Create PySceneDetect's detectors with the settings of its command line.

This module imports OpenCV: import it only if scenes are requested.
"""

from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode
from scenedetect.detector import FlashFilter, SceneDetector
from scenedetect.detectors import (
    AdaptiveDetector,
    ContentDetector,
    HashDetector,
    HistogramDetector,
    ThresholdDetector,
)

from extractor.domain.policy import Detector


class _ScoreOfSums:
    """The score of `ContentDetector` with default weights, in a third of its time.

    OpenCV sums all channels in integers, instead of one channel at a time in 32-bit numbers.
    """

    _last: NDArray[np.uint8] | None = None

    def _calculate_frame_score(self, timecode: FrameTimecode, frame_img: NDArray[np.uint8]) -> float:  # noqa: ARG002
        picture = np.asarray(cv2.cvtColor(frame_img, cv2.COLOR_BGR2HSV), np.uint8)
        last, self._last = self._last, picture
        if last is None:
            return 0.0
        pixels = float(picture.shape[0] * picture.shape[1])
        sums = cv2.sumElems(cv2.absdiff(picture, last))[:3]
        return sum(channel / pixels for channel in sums) / len(sums)


class QuickFilter(FlashFilter):  # type: ignore[misc]  # without types
    """Equal to `FlashFilter`, but skips its computation for frames that cannot change its state.

    These are frames below the threshold while no short scenes are being merged.
    """

    def filter(self, timecode: FrameTimecode, above_threshold: bool) -> list[FrameTimecode]:
        is_waiting = self._last_above is not None and not self._merge_triggered
        if is_waiting and not above_threshold:
            return []
        found: list[FrameTimecode] = super().filter(timecode, above_threshold)
        return found


class FastContentDetector(_ScoreOfSums, ContentDetector):  # type: ignore[misc]
    """Equal to `ContentDetector` with default weights."""

    def __init__(self, min_scene_len: int, **options: object) -> None:
        super().__init__(min_scene_len=min_scene_len, **options)
        self._flash_filter = QuickFilter(FlashFilter.Mode.MERGE, min_scene_len)


class FastAdaptiveDetector(_ScoreOfSums, AdaptiveDetector):  # type: ignore[misc]
    """Equal to `AdaptiveDetector` with default weights."""


def build_detector(name: Detector, threshold: float | None, frame_rate: Fraction) -> SceneDetector:
    """Create a detector with the parameters of the command line.

    See `get_detect_*_params` in `scenedetect._cli.context`.

    Args:
        name: The detector.
        threshold: Its threshold; ``None`` for the default.
        frame_rate: The nominal frame rate of the video.
    """
    if name == "transnetv2":
        from extractor.media.scenes.learned import LearnedDetector

        return LearnedDetector(threshold)
    shortest = FrameTimecode("0.6s", frame_rate).frame_num
    detectors: dict[Detector, tuple[type[SceneDetector], str, dict[str, object]]] = {
        "content": (FastContentDetector, "threshold", {}),
        "adaptive": (FastAdaptiveDetector, "adaptive_threshold", {}),
        "threshold": (
            ThresholdDetector,
            "threshold",
            {"add_final_scene": True, "min_out_length": FrameTimecode("0.1s", frame_rate)},
        ),
        "hash": (HashDetector, "threshold", {}),
        "histogram": (HistogramDetector, "threshold", {}),
    }
    kind, setting, options = detectors[name]
    if threshold is not None:
        options[setting] = threshold
    return kind(min_scene_len=shortest, **options)
