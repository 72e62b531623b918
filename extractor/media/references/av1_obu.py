"""The headers of AV1, as far as they tell which frames a frame is decoded from. Pure.

Whatever a frame takes over from earlier ones - samples, motion vectors, probabilities, segments, deltas, film
grain - it takes from the slots that it lists as its references, at most seven of the decoder's eight. So
these, and the slots that it is written to, are all there is to know. Fields are named as in the AV1
specification, 5.3 to 5.9. What is rare there is refused, not read.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from extractor.media.references.bit_reader import BitReader, UnsupportedBitstreamError

ALL_SLOTS: Final = tuple(range(8))
_SLOTS_OF_FLAGS: Final = tuple(tuple(slot for slot in ALL_SLOTS if flags >> slot & 1) for flags in range(256))
_LISTED_REFERENCES: Final = 7
_SELECTED_PER_FRAME: Final = 2
_HEAD_BYTES: Final = 64  # what is read of a frame's header ends long before


SEQUENCE_HEADER: Final = 1
FRAME_HEADER: Final = 3
METADATA: Final = 5
FRAME: Final = 6
_KNOWN_UNITS: Final = frozenset({*range(1, 8), 15})

_KEY_FRAME: Final = 0
_INTRA_ONLY_FRAME: Final = 2
_SWITCH_FRAME: Final = 3


class SequenceHeader(Struct, frozen=True):
    """What the headers of frames are read by."""

    seq_force_screen_content_tools: int
    seq_force_integer_mv: int
    order_hint_bits: int


class FrameHeader(Struct, frozen=True):
    """The slots that a frame `reads` and `writes`. One that `repeats` only shows again what it reads; if
    that is a key frame, it is then written to all slots."""

    reads: tuple[int, ...]
    writes: tuple[int, ...]
    is_shown: bool
    is_key: bool = False
    repeats: bool = False


def obus(packet: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and payload of each open bitstream unit of a packet. Raises `UnsupportedBitstreamError`."""
    place = 0
    while place < len(packet):
        header = packet[place]
        place += 2 if header & 4 else 1  # obu_extension_flag
        size = len(packet) - place
        if header & 2:  # obu_has_size_field
            size, place = _leb128(packet, place)
        if header >> 3 not in _KNOWN_UNITS or not 0 <= size <= len(packet) - place:
            raise UnsupportedBitstreamError
        yield header >> 3, packet[place : place + size]
        place += size


def _leb128(packet: bytes, place: int) -> tuple[int, int]:
    """A number of at most 8 bytes, and the place behind it."""
    value = 0
    for number, byte in enumerate(packet[place : place + 8]):
        value |= (byte & 0x7F) << (7 * number)
        if byte < 0x80:
            return value, place + number + 1
    raise UnsupportedBitstreamError


def parse_sequence_header(payload: bytes) -> SequenceHeader:
    """Raises `UnsupportedBitstreamError` for still pictures, layers, decoder models and numbered frames."""
    bits = BitReader(payload)
    bits.read(3)  # seq_profile
    if bits.read(2):  # still_picture, reduced_still_picture_header
        raise UnsupportedBitstreamError
    if bits.read_flag():  # timing_info_present_flag
        bits.read(32 + 32)  # num_units_in_display_tick, time_scale
        if bits.read_flag():  # equal_picture_interval
            bits.exp_golomb()  # num_ticks_per_picture_minus_1
        if bits.read_flag():  # decoder_model_info_present_flag
            raise UnsupportedBitstreamError
    initial_display_delay_present = bits.read_flag()
    if bits.read(5 + 12):  # operating_points_cnt_minus_1, operating_point_idc
        raise UnsupportedBitstreamError
    if bits.read(5) > 7:  # seq_level_idx
        bits.read(1)  # seq_tier
    if initial_display_delay_present and bits.read_flag():
        bits.read(4)  # initial_display_delay_minus_1
    frame_width_bits, frame_height_bits = bits.read(4) + 1, bits.read(4) + 1
    bits.read(frame_width_bits + frame_height_bits)
    if bits.read_flag():  # frame_id_numbers_present_flag
        raise UnsupportedBitstreamError
    bits.read(7)  # from use_128x128_superblock to enable_dual_filter
    enable_order_hint = bits.read_flag()
    if enable_order_hint:
        bits.read(2)  # enable_jnt_comp, enable_ref_frame_mvs
    screen_content_tools = _SELECTED_PER_FRAME if bits.read_flag() else bits.read(1)
    integer_mv = _SELECTED_PER_FRAME
    if screen_content_tools and not bits.read_flag():
        integer_mv = bits.read(1)
    order_hint_bits = bits.read(3) + 1 if enable_order_hint else 0
    return SequenceHeader(screen_content_tools, integer_mv, order_hint_bits)


def parse_frame_header(payload: bytes, sequence: SequenceHeader) -> FrameHeader:
    """Raises `UnsupportedBitstreamError`."""
    bits = BitReader(payload[:_HEAD_BYTES])
    if bits.read_flag():  # show_existing_frame
        return FrameHeader((bits.read(3),), (), is_shown=True, repeats=True)
    frame_type = bits.read(2)
    is_key = frame_type == _KEY_FRAME
    is_intra = is_key or frame_type == _INTRA_ONLY_FRAME
    is_switch = frame_type == _SWITCH_FRAME
    is_shown = bits.read_flag()
    if not is_shown:
        bits.read(1)  # showable_frame
    starts_anew = (is_key and is_shown) or is_switch
    error_resilient = starts_anew or bits.read_flag()
    _skip_tools(bits, sequence)
    override_bits = 0 if is_switch else 1
    primary_bits = 0 if is_intra or error_resilient else 3
    # frame_size_override_flag, order_hint, primary_ref_frame (which is one of the references)
    bits.read(override_bits + sequence.order_hint_bits + primary_bits)
    writes = ALL_SLOTS if starts_anew else _SLOTS_OF_FLAGS[bits.read(8)]  # refresh_frame_flags
    if is_intra:
        return FrameHeader((), writes, is_shown, is_key)
    if error_resilient:
        bits.read(len(ALL_SLOTS) * sequence.order_hint_bits)  # ref_order_hint
    if (
        sequence.order_hint_bits and bits.read_flag()
    ):  # frame_refs_short_signaling: told by the order of all slots
        return FrameHeader(ALL_SLOTS, writes, is_shown)
    listed = bits.read(3 * _LISTED_REFERENCES)  # ref_frame_idx
    reads = tuple(listed >> 3 * number & 7 for number in range(_LISTED_REFERENCES))
    return FrameHeader(reads, writes, is_shown)


def _skip_tools(bits: BitReader, sequence: SequenceHeader) -> None:
    bits.read(1)  # disable_cdf_update
    allowed = sequence.seq_force_screen_content_tools
    if allowed == _SELECTED_PER_FRAME:
        allowed = bits.read(1)
    if allowed and sequence.seq_force_integer_mv == _SELECTED_PER_FRAME:
        bits.read(1)  # force_integer_mv
