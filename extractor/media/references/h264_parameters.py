"""Parse sequence parameter sets of H.264 as far as FFmpeg's filters depend on them. Pure.

ITU-T H.264, 7.3.2.1.1 and E.1.1.
"""

from typing import Final

from msgspec import Struct

from extractor.media.references.bit_reader import BitReader

_PROFILES_WITH_CHROMA_FORMAT: Final = frozenset(
    {44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244}
)
_EXTENDED_ASPECT_RATIO: Final = 255
_YUV_444: Final = 3
_MAX_BUFFERS: Final = 32


class SequenceParameters(Struct, frozen=True):
    """The properties of a sequence.

    Attributes:
        profile: The number of the profile.
        may_be_interlaced: Whether pictures may be fields, or frames of two fields.
        primaries: The number of the colour primaries; ``None`` if it is not stated.
        transfer: The number of the transfer characteristic, likewise.
        matrix: The number of the colour matrix, likewise.
        reordered_frames: How many frames may precede a frame in decode order and follow it in presentation
            order; ``None`` if it is not stated.
    """

    profile: int
    may_be_interlaced: bool
    primaries: int | None = None
    transfer: int | None = None
    matrix: int | None = None
    reordered_frames: int | None = None


def parse_sequence_parameters(unit: bytes) -> SequenceParameters:
    """Parse a sequence parameter set.

    Args:
        unit: The unit with its header byte.

    Raises:
        UnsupportedBitstreamError: It is cut off.
    """
    bits = BitReader(unit.replace(b"\0\0\3", b"\0\0"))
    bits.read(8)
    profile = bits.read(8)
    bits.read(16)  # constraints and level
    bits.exp_golomb()
    if profile in _PROFILES_WITH_CHROMA_FORMAT:
        _skip_sample_format(bits)
    bits.exp_golomb()
    _skip_picture_order(bits)
    bits.exp_golomb()
    bits.read(1)
    bits.exp_golomb()
    bits.exp_golomb()
    may_be_interlaced = not bits.read_flag()
    bits.read(2 if may_be_interlaced else 1)
    if bits.read_flag():  # cropping
        for _ in range(4):
            bits.exp_golomb()
    if not bits.read_flag():  # usability information
        return SequenceParameters(profile, may_be_interlaced)
    return SequenceParameters(profile, may_be_interlaced, *_read_colours(bits), _read_reordering(bits))


def _skip_sample_format(bits: BitReader) -> None:
    chroma_format = bits.exp_golomb()
    if chroma_format == _YUV_444:
        bits.read(1)
    bits.exp_golomb()
    bits.exp_golomb()
    bits.read(1)
    if bits.read_flag():
        for number in range(8 if chroma_format != _YUV_444 else 12):
            if bits.read_flag():
                _skip_scaling_list(bits, 16 if number < 6 else 64)


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + _signed(bits.exp_golomb())) % 256
        last = following or last


def _signed(code: int) -> int:
    return (code + 1) // 2 if code % 2 else -(code // 2)


def _skip_picture_order(bits: BitReader) -> None:
    kind = bits.exp_golomb()
    if kind == 0:
        bits.exp_golomb()
    elif kind == 1:
        bits.read(1)
        bits.exp_golomb()
        bits.exp_golomb()
        for _ in range(bits.exp_golomb()):
            bits.exp_golomb()


def _read_colours(bits: BitReader) -> tuple[int | None, int | None, int | None]:
    """Return the primaries, the transfer characteristic and the matrix from the usability information."""
    if bits.read_flag() and bits.read(8) == _EXTENDED_ASPECT_RATIO:
        bits.read(32)
    if bits.read_flag():
        bits.read(1)
    if bits.read_flag():
        bits.read(4)
        if bits.read_flag():
            return bits.read(8), bits.read(8), bits.read(8)
    return None, None, None


def _read_reordering(bits: BitReader) -> int | None:
    """Return the number of reordered frames from the rest of the usability information."""
    if bits.read_flag():  # chroma sample locations
        bits.exp_golomb()
        bits.exp_golomb()
    if bits.read_flag():  # frame rate
        bits.read(65)
    has_buffers = [_skip_buffer(bits) for _ in range(2) if bits.read_flag()]
    if has_buffers:
        bits.read(1)
    bits.read(1)
    if not bits.read_flag():
        return None
    bits.read(1)
    for _ in range(4):
        bits.exp_golomb()
    return bits.exp_golomb()


def _skip_buffer(bits: BitReader) -> bool:
    """Skip the parameters of a hypothetical reference decoder."""
    count = bits.exp_golomb() + 1
    bits.read(8)
    for _ in range(min(count, _MAX_BUFFERS)):
        bits.exp_golomb()
        bits.exp_golomb()
        bits.read(1)
    bits.read(20)
    return True
