"""Measures of a single picture: how sharp, how bright, what it looks like. Pure.

All are taken from one small grey picture of fixed size, so that values can be compared between videos of
any resolution. This module loads numpy: import it where measures are asked for, and only there.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from extractor.media.scene_stream import Filter

SIDE: Final = 256
GREY_BYTES: Final = SIDE * SIDE
GREY_FILTERS: Final[tuple[Filter, ...]] = (
    ("scale", {"w": SIDE, "h": SIDE, "flags": "area", "out_range": "full"}),
    ("format", {"pix_fmts": "gray"}),
)
"""What FFmpeg makes the picture with: `GREY_BYTES` bytes, row by row, black is 0 and white 255."""

_HASH_INPUT: Final = 32
_HASH_SIDE: Final = 8
_BLANK_LEVELS: Final = 8
_BLANK_SHARE: Final = 0.99

Grey = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measures:
    """`sharpness`: variance of the Laplacian, 0 for a flat picture, tens for blurred and hundreds for
    crisp ones. `brightness`: mean luma from 0 to 1. `perceptual_hash`: 16 hexadecimal digits; alike
    pictures differ in few bits. `blank`: nearly uniform, whatever the colour."""

    sharpness: float
    brightness: float
    perceptual_hash: str
    blank: bool


def measure(grey: bytes) -> Measures:
    """The measures of a raw picture as `GREY_FILTERS` make it."""
    picture = np.frombuffer(grey, np.uint8).reshape(SIDE, SIDE).astype(np.float64)
    return Measures(
        sharpness=_sharpness(picture),
        brightness=float(picture.mean()) / 255,
        perceptual_hash=_perceptual_hash(picture),
        blank=_is_blank(picture),
    )


def hamming(one: str, other: str) -> int:
    """In how many of their 64 bits two perceptual hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


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
