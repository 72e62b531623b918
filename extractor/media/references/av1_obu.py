"""Parse AV1 sequence and frame headers, as far as needed to find the references of a frame. Pure.

A frame depends on earlier frames only through the reference slots in its header (at most seven of the
decoder's eight): samples, motion vectors, probabilities, segmentation, deltas and film grain all come from
there. The slots that a frame references and refreshes therefore describe all dependencies. Field names and
their order are those of the AV1 specification, sections 5.3 to 5.9 (https://aomediacodec.github.io/av1-spec/).
Rare features raise `UnsupportedBitstreamError`.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from extractor.media.references.bit_reader import BitReader, UnsupportedBitstreamError

ALL_SLOTS: Final = tuple(range(8))
_SLOTS_OF_FLAGS: Final = tuple(tuple(slot for slot in ALL_SLOTS if flags >> slot & 1) for flags in range(256))
_LISTED_REFERENCES: Final = 7
_SELECTED_PER_FRAME: Final = 2
_HEAD_BYTES: Final = 64  # all parsed fields of a frame header lie within these


SEQUENCE_HEADER: Final = 1
TEMPORAL_DELIMITER: Final = 2
FRAME_HEADER: Final = 3
TILE_GROUP: Final = 4
METADATA: Final = 5
FRAME: Final = 6
_KNOWN_UNITS: Final = frozenset({*range(1, 8), 15})

_KEY_FRAME: Final = 0
_INTRA_ONLY_FRAME: Final = 2
_SWITCH_FRAME: Final = 3


class SequenceHeader(Struct, frozen=True):
    """The fields of a sequence header that are needed to parse frame headers."""

    seq_force_screen_content_tools: int
    seq_force_integer_mv: int
    order_hint_bits: int


class FrameHeader(Struct, frozen=True):
    """The parsed fields of a frame header.

    Attributes:
        references: The slots of the frames that it is decoded from.
        refreshed: The slots that the frame is stored in.
        is_shown: Whether it is shown.
        is_key: Whether it is a key frame.
        shows_existing: Whether it only shows the frame in the slot that it references
            (``show_existing_frame``). A key frame that is shown this way refreshes all slots.
    """

    references: tuple[int, ...]
    refreshed: tuple[int, ...]
    is_shown: bool
    is_key: bool = False
    shows_existing: bool = False


def obus(packet: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the payload of each open bitstream unit (OBU) of a packet.

    Raises:
        UnsupportedBitstreamError: The packet is malformed, or has a unit of unknown type.
    """
    position = 0
    while position < len(packet):
        header = packet[position]
        position += 2 if header & 4 else 1  # obu_extension_flag
        size = len(packet) - position
        if header & 2:  # obu_has_size_field
            size, position = _leb128(packet, position)
        if header >> 3 not in _KNOWN_UNITS or not 0 <= size <= len(packet) - position:
            raise UnsupportedBitstreamError
        yield header >> 3, packet[position : position + size]
        position += size


def _leb128(packet: bytes, position: int) -> tuple[int, int]:
    """Return a LEB128 number of at most 8 bytes, and the position after it."""
    value = 0
    for number, byte in enumerate(packet[position : position + 8]):
        value |= (byte & 0x7F) << (7 * number)
        if byte < 0x80:
            return value, position + number + 1
    raise UnsupportedBitstreamError


def parse_sequence_header(payload: bytes) -> SequenceHeader:
    """Parse the payload of a sequence header OBU.

    Raises:
        UnsupportedBitstreamError: It has still pictures, layers, a decoder model or frame ids.
    """
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
    """Parse the payload of a frame OBU or a frame header OBU.

    Raises:
        UnsupportedBitstreamError: The header is malformed.
    """
    bits = BitReader(payload[:_HEAD_BYTES])
    if bits.read_flag():  # show_existing_frame
        return FrameHeader((bits.read(3),), (), is_shown=True, shows_existing=True)
    frame_type = bits.read(2)
    is_key = frame_type == _KEY_FRAME
    is_intra = is_key or frame_type == _INTRA_ONLY_FRAME
    is_switch = frame_type == _SWITCH_FRAME
    is_shown = bits.read_flag()
    if not is_shown:
        bits.read(1)  # showable_frame
    refreshes_all = (is_key and is_shown) or is_switch
    error_resilient = refreshes_all or bits.read_flag()
    _skip_tools(bits, sequence)
    override_bits = 0 if is_switch else 1
    primary_bits = 0 if is_intra or error_resilient else 3
    # frame_size_override_flag, order_hint, primary_ref_frame (an index into the references)
    bits.read(override_bits + sequence.order_hint_bits + primary_bits)
    refreshed = ALL_SLOTS if refreshes_all else _SLOTS_OF_FLAGS[bits.read(8)]  # refresh_frame_flags
    if is_intra:
        return FrameHeader((), refreshed, is_shown, is_key)
    if error_resilient:
        bits.read(len(ALL_SLOTS) * sequence.order_hint_bits)  # ref_order_hint
    # With frame_refs_short_signaling, the decoder derives the references from the order hints of all slots.
    if sequence.order_hint_bits and bits.read_flag():
        return FrameHeader(ALL_SLOTS, refreshed, is_shown)
    listed = bits.read(3 * _LISTED_REFERENCES)  # ref_frame_idx
    references = tuple(listed >> 3 * number & 7 for number in range(_LISTED_REFERENCES))
    return FrameHeader(references, refreshed, is_shown)


def _skip_tools(bits: BitReader, sequence: SequenceHeader) -> None:
    bits.read(1)  # disable_cdf_update
    allowed = sequence.seq_force_screen_content_tools
    if allowed == _SELECTED_PER_FRAME:
        allowed = bits.read(1)
    if allowed and sequence.seq_force_integer_mv == _SELECTED_PER_FRAME:
        bits.read(1)  # force_integer_mv
