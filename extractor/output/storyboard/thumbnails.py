"""Thumbnails of frames, spread evenly over a video of unknown length."""

import cv2
import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from extractor.domain.frames import Frame

Pixels = NDArray[np.uint8]
"""Height × width × 3, in the order blue, green, red."""

MAX_SIDE = 192
LIMIT = 400
_REDUCED = {
    8: cv2.IMREAD_REDUCED_COLOR_8,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    1: cv2.IMREAD_COLOR,
}


class Thumbnail(Struct, frozen=True):
    """A thumbnail of at most `MAX_SIDE` pixels in width and height.

    Attributes:
        pts_seconds: Time of its frame.
        pixels: The picture.
    """

    pts_seconds: float
    pixels: Pixels


class Thumbnails(Struct):
    """Keeps thumbnails of all frames, then of every second, fourth…: at most `LIMIT` (40 MB).

    Attributes:
        kept: The thumbnails.
    """

    kept: list[Thumbnail] = field(default_factory=list)
    _seen: int = 0
    _stride: int = 1

    def add(self, frame: Frame) -> None:
        """Add the next frame of the video."""
        if self._seen % self._stride == 0:
            self.kept.append(Thumbnail(frame.pts_seconds, _shrunk(frame)))
        self._seen += 1
        if len(self.kept) > LIMIT:
            self.kept = self.kept[::2]
            self._stride *= 2


def _shrunk(frame: Frame) -> Pixels:
    """Decode the frame at the smallest sufficient fraction of its size (1/8, 1/4, 1/2), and scale it down."""
    factor = max(frame.width, frame.height) / MAX_SIDE
    reduction = next(step for step in _REDUCED if step <= max(factor, 1))
    pixels = cv2.imdecode(np.frombuffer(frame.data, np.uint8), _REDUCED[reduction])
    assert pixels is not None, "FFmpeg has just encoded this image"
    size = (max(1, round(frame.width / factor)), max(1, round(frame.height / factor)))
    shrunk = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if factor > 1 else pixels
    return shrunk.astype(np.uint8, copy=False)
