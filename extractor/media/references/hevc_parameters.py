"""Parse sequence parameter sets of HEVC as far as the order of frames depends on them. Pure.

ITU-T H.265, 7.3.2.2 and 7.3.3; ISO/IEC 14496-15, 8.3.3.1.
"""

from typing import Final

from extractor.media.references.bit_reader import BitReader, UnsupportedBitstreamError

_ARRAYS_AT: Final = 22
"""The position in the configuration record of the number of its arrays of units."""

_SEQUENCE_PARAMETERS: Final = 33
_YUV_444: Final = 3
_PROFILE_BITS: Final = 88
_LEVEL_BITS: Final = 8


def reordered_frames(configuration: bytes) -> int:
    """Return how many frames may precede a frame in decode order and follow it in presentation order.

    Args:
        configuration: The configuration record (``hvcC``).

    Raises:
        UnsupportedBitstreamError: It is cut off, or does not have one sequence parameter set.
    """
    bits = BitReader(configuration[_ARRAYS_AT:])
    found = list[bytes]()
    for _ in range(bits.read(8)):
        kind = bits.read(8) & 63
        for _ in range(bits.read(16)):
            size = bits.read(16)
            unit = bits.read(8 * size).to_bytes(size, "big")
            if kind == _SEQUENCE_PARAMETERS:
                found.append(unit)
    if len(found) != 1:
        raise UnsupportedBitstreamError
    return _read_reordering(BitReader(found[0].replace(b"\0\0\3", b"\0\0")))


def _read_reordering(bits: BitReader) -> int:
    bits.read(16 + 4)  # the header of the unit, the video parameter set
    sublayers = bits.read(3)
    bits.read(1)
    _skip_profile(bits, sublayers)
    bits.exp_golomb()
    if bits.exp_golomb() == _YUV_444:
        bits.read(1)
    bits.exp_golomb()
    bits.exp_golomb()
    if bits.read_flag():  # cropping
        for _ in range(4):
            bits.exp_golomb()
    for _ in range(3):
        bits.exp_golomb()
    number = 0
    for _ in range(sublayers + 1 if bits.read_flag() else 1):
        bits.exp_golomb()
        number = bits.exp_golomb()
        bits.exp_golomb()
    return number


def _skip_profile(bits: BitReader, sublayers: int) -> None:
    bits.read(_PROFILE_BITS + _LEVEL_BITS)
    flags = [(bits.read_flag(), bits.read_flag()) for _ in range(sublayers)]
    if sublayers:
        bits.read(2 * (8 - sublayers))
    for has_profile, has_level in flags:
        bits.read(_PROFILE_BITS * has_profile + _LEVEL_BITS * has_level)
