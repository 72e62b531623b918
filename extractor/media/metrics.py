"""Compute metrics of a frame: sharpness, brightness, perceptual hash, blankness. Pure.

All metrics are computed on a small grey picture of fixed size, so they are comparable between videos of any
resolution. This module imports numpy: import it only if metrics are requested.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from extractor.domain.frames import FrameMetrics
from extractor.media.ffmpeg.filters import GREY_SIDE

SIDE: Final = GREY_SIDE
_LUMA: Final = np.array([0.114, 0.587, 0.299])  # weights of blue, green and red (BT.601)
_HASH_INPUT: Final = 32
_HASH_SIDE: Final = 8
_BLANK_LEVELS: Final = 8
_BLANK_SHARE: Final = 0.99

Grey = NDArray[np.float64]


def measure(grey: bytes) -> FrameMetrics:
    """Compute the metrics of a grey picture, made by `filters.GREY`: `SIDE` × `SIDE` bytes."""
    picture = np.frombuffer(grey, np.uint8).reshape(SIDE, SIDE).astype(np.float64)
    return FrameMetrics(
        sharpness=_sharpness(picture),
        brightness=float(picture.mean()) / 255,
        perceptual_hash=_perceptual_hash(picture),
        blank=_is_blank(picture),
    )


def sharpness_of_colours(picture: NDArray[np.uint8]) -> float:
    """Compute the sharpness of a BGR picture (rows × columns × 3), for comparisons within one video."""
    return _sharpness(picture.astype(np.float64) @ _LUMA)


def contrast_of_colours(picture: NDArray[np.uint8]) -> float:
    """Compute the contrast of such a picture: the standard deviation of its luma, 0 to 127.5."""
    return float((picture.astype(np.float64) @ _LUMA).std())


def _sharpness(picture: Grey) -> float:
    neighbours = picture[:-2, 1:-1] + picture[2:, 1:-1] + picture[1:-1, :-2] + picture[1:-1, 2:]
    return float((neighbours - 4 * picture[1:-1, 1:-1]).var())


def _perceptual_hash(picture: Grey) -> str:
    """Compute pHash as defined by ImageHash (https://github.com/JohannesBuchner/imagehash).

    Each bit is whether one of the 8 × 8 lowest frequencies of the discrete cosine transform of the 32 × 32
    picture is above their median.
    """
    block = SIDE // _HASH_INPUT
    small = picture.reshape(_HASH_INPUT, block, _HASH_INPUT, block).mean(axis=(1, 3))
    frequency, place = np.ogrid[:_HASH_SIDE, :_HASH_INPUT]
    cosines = 2 * np.cos(np.pi * frequency * (2 * place + 1) / (2 * _HASH_INPUT))
    # Rounded: coefficients that are zero in a flat picture would otherwise be noise of either sign.
    low = np.round(cosines @ small @ cosines.T, 6)
    return np.packbits(low > np.median(low)).tobytes().hex()


def _is_blank(picture: Grey) -> bool:
    """Whether at least 99% of the pixels lie within 8 of 255 levels of the median.

    Compression noise in black frames stays within these limits; a line of text on black, or a gradient,
    does not.
    """
    near = np.abs(picture - np.median(picture)) <= _BLANK_LEVELS
    return bool(near.mean() >= _BLANK_SHARE)
