"""Measures of a single picture: how sharp, how bright, what it looks like. Pure.

All are taken from one small grey picture of fixed size, so that values can be compared between videos of
any resolution. This module loads numpy: import it where measures are asked for, and only there.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from extractor.domain.frames import FrameMetrics
from extractor.media.ffmpeg.filters import GREY_SIDE

SIDE: Final = GREY_SIDE
_LUMA: Final = np.array([0.114, 0.587, 0.299])  # of blue, green and red, BT.601
_HASH_INPUT: Final = 32
_HASH_SIDE: Final = 8
_BLANK_LEVELS: Final = 8
_BLANK_SHARE: Final = 0.99

Grey = NDArray[np.float64]


def measure(grey: bytes) -> FrameMetrics:
    """The measures of a raw picture as `filters.GREY` make it."""
    picture = np.frombuffer(grey, np.uint8).reshape(SIDE, SIDE).astype(np.float64)
    return FrameMetrics(
        sharpness=_sharpness(picture),
        brightness=float(picture.mean()) / 255,
        perceptual_hash=_perceptual_hash(picture),
        blank=_is_blank(picture),
    )


def sharpness_of_colours(picture: NDArray[np.uint8]) -> float:
    """Sharpness of a picture in blue, green and red (rows × columns × 3); to compare within one video."""
    return _sharpness(picture.astype(np.float64) @ _LUMA)


def _sharpness(picture: Grey) -> float:
    neighbours = picture[:-2, 1:-1] + picture[2:, 1:-1] + picture[1:-1, :-2] + picture[1:-1, 2:]
    return float((neighbours - 4 * picture[1:-1, 1:-1]).var())


def _perceptual_hash(picture: Grey) -> str:
    """pHash as ImageHash defines it: of the 32 × 32 picture's cosine transform the 8 × 8 lowest
    frequencies, a bit for each that is above their median."""
    block = SIDE // _HASH_INPUT
    small = picture.reshape(_HASH_INPUT, block, _HASH_INPUT, block).mean(axis=(1, 3))
    frequency, place = np.ogrid[:_HASH_SIDE, :_HASH_INPUT]
    cosines = 2 * np.cos(np.pi * frequency * (2 * place + 1) / (2 * _HASH_INPUT))
    # Rounded, for what is zero in a flat picture would else be noise of either sign.
    low = np.round(cosines @ small @ cosines.T, 6)
    return np.packbits(low > np.median(low)).tobytes().hex()


def _is_blank(picture: Grey) -> bool:
    """At least 99 of 100 pixels lie within 8 levels of 255 of the middle one. What encoders leave in black
    pictures stays below that; a line of text on black, or a gradient, does not."""
    near = np.abs(picture - np.median(picture)) <= _BLANK_LEVELS
    return bool(near.mean() >= _BLANK_SHARE)
