"""Write H.264 streams of single fields (PAFF), which no available encoder produces. All samples are
uncompressed (I_PCM)."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.uint8]

_SEQUENCE, _PICTURE, _IDR, _OTHER = 0x67, 0x68, 0x65, 0x61
"""The first bytes of units."""


class _Bits:
    def __init__(self) -> None:
        self._text = ""

    def put(self, *values: tuple[int, int]) -> None:
        """Append values, each with its number of bits."""
        self._text += "".join(f"{value:0{size}b}" for value, size in values)

    def number(self, *values: int) -> None:
        """Append Exp-Golomb codes."""
        self._text += "".join("0" * ((value + 1).bit_length() - 1) + f"{value + 1:b}" for value in values)

    def aligned(self, first: str = "0") -> bytes:
        """Return the bits, padded with zeros after the bit `first` if necessary."""
        text = self._text + (first if len(self._text) % 8 else "")
        text += "0" * (-len(text) % 8)
        self._text = ""
        return bytes(int(text[place : place + 8], 2) for place in range(0, len(text), 8))


def stream_of_fields(frames: Iterable[Samples], width: int, height: int) -> bytes:
    """Return grey frames, each as two fields. The width is a multiple of 16, the height one of 32."""
    units = [_sequence(width, height), _picture()]
    for number, frame in enumerate(frames):
        units += [_field(frame[0::2], number, is_bottom=False), _field(frame[1::2], number, is_bottom=True)]
    return b"".join(b"\0\0\0\1" + unit for unit in units)


def _sequence(width: int, height: int) -> bytes:
    bits = _Bits()
    main_profile, level = 77, 40
    bits.put((main_profile, 8), (0, 8), (level, 8))
    bits.number(0, 0, 2, 1)  # its number, 4 bits for frame numbers, order of decoding, one reference
    bits.put((0, 1))
    bits.number(width // 16 - 1, height // 32 - 1)
    bits.put((0, 1), (0, 1), (1, 1), (0, 1), (0, 1), (1, 1))  # not frames only; no MBAFF, cropping, VUI
    return bytes([_SEQUENCE]) + bits.aligned()


def _picture() -> bytes:
    bits = _Bits()
    bits.number(0, 0)
    bits.put((0, 1), (0, 1))  # CAVLC
    bits.number(0, 0, 0)
    bits.put((0, 1), (0, 2))
    bits.number(0, 0, 0)
    bits.put((1, 1), (0, 1), (0, 1), (1, 1))  # deblocking is told in slices
    return bytes([_PICTURE]) + bits.aligned()


def _field(samples: Samples, number: int, *, is_bottom: bool) -> bytes:
    bits = _Bits()
    bits.number(0, 7, 0)  # the first macroblock, only I
    bits.put((0, 4), (1, 1), (int(is_bottom), 1))  # frame number, a field
    if is_bottom:
        bits.put((0, 1))
    else:
        bits.number(number % 2)  # of the IDR picture
        bits.put((0, 1), (0, 1))
    bits.number(0, 1)  # quantizer, no deblocking
    unit = bytearray([_OTHER if is_bottom else _IDR])
    height, width = samples.shape
    for y in range(0, height, 16):
        for x in range(0, width, 16):
            bits.number(25)  # I_PCM
            unit += bits.aligned()
            unit += samples[y : y + 16, x : x + 16].tobytes() + b"\x80" * 128
    return bytes(unit) + b"\x80"
