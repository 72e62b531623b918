"""Classify the packets of H.264 and HEVC by the headers of their NAL units, as stored in MP4 and Matroska.

The results are those of the bitstream filters of `extractor.media.probe.decode_order`, without FFmpeg. Only
the first bytes of each unit are read, and all of those with parameter sets or messages.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from extractor.media.container.recovery_points import has_recovery_point
from extractor.media.container.sample_table import UnsupportedTablesError

_HEAD_BYTES: Final = 64
"""How much is read at the start of a sample. Units before the picture are mostly within."""

_MAX_UNITS: Final = 1_000
_MAX_MESSAGE_BYTES: Final = 1 << 16


class UnitTypes(Struct, frozen=True):
    """The types of NAL units of a codec.

    Attributes:
        type_of: Returns the type from the first byte of a unit.
        is_reference: For each first byte, whether the unit is a slice of a reference picture.
        random_access: Types of slices of closed random access points.
        parameters: Types of parameter sets.
        unsupported: Types of which the reader does not know which pictures need them.
        open_access: Types of slices of open random access points.
        leading: Types of slices of leading pictures that depend on pictures before the access point.
        slices: Types of slices, before which a message may state a recovery point.
        messages: Types of units with such messages.
    """

    type_of: Callable[[int], int]
    is_reference: Callable[[int], bool]
    random_access: frozenset[int]
    parameters: frozenset[int]
    unsupported: frozenset[int]
    open_access: frozenset[int] = frozenset()
    leading: frozenset[int] = frozenset()
    slices: frozenset[int] = frozenset()
    messages: frozenset[int] = frozenset()


_HEVC_REFERENCES: Final = frozenset({1, 3, 5, 7, 9, 11, 13, 15, *range(16, 22)})

UNIT_TYPES: Final[Mapping[str, UnitTypes]] = {
    "h264": UnitTypes(
        type_of=lambda head: head & 31,
        is_reference=lambda head: head & 31 in (1, 5) and bool(head & 0x60),
        random_access=frozenset({5}),
        parameters=frozenset({7, 8, 13, 15}),
        unsupported=frozenset({0, 2, 3, 4, 14, 19, 20, 21}),  # partitions, other views, layers and alpha
        slices=frozenset({1, 5}),
        messages=frozenset({6}),
    ),
    "hevc": UnitTypes(
        type_of=lambda head: head >> 1 & 63,
        is_reference=lambda head: head >> 1 & 63 in _HEVC_REFERENCES,
        random_access=frozenset({19, 20}),
        parameters=frozenset({32, 33, 34}),
        unsupported=frozenset(),
        open_access=frozenset({21}),
        leading=frozenset({8, 9}),
    ),
}
"""By FFmpeg's names of the codecs. ITU-T H.264, table 7-1, and H.265, table 7-1."""


class PacketRoles(Struct, frozen=True):
    """What the units of the packets are, one byte (1 or 0) per packet in each of `marks`.

    Attributes:
        marks: By the names of the filters of `extractor.media.probe.decode_order`.
        changes: The numbers of the packets with other parameter sets than the last packet that had some.
        with_parameters: The numbers of all packets with parameter sets.
    """

    marks: Mapping[str, bytes]
    changes: Sequence[int]
    with_parameters: Sequence[int]


def read_roles(
    descriptor: int,
    codec: str,
    length_bytes: int,
    offsets: Sequence[int],
    sizes: Sequence[int],
    are_keyframes: Sequence[int],
    present: Sequence[int] | None = None,
) -> PacketRoles:
    """Read the roles of all packets.

    A packet whose bytes are not present counts as a reference without parameter sets, and as a closed access
    point if it is flagged as a keyframe.

    Args:
        descriptor: The open file.
        codec: A key of `UNIT_TYPES`.
        length_bytes: The size of the length before each unit.
        offsets: The position of each packet in the file.
        sizes: Their sizes.
        are_keyframes: Whether they are flagged as keyframes.
        present: Whether their bytes are present; ``None`` if all are.

    Raises:
        UnsupportedTablesError: A packet does not consist of units, or has unsupported ones, or the packets
            that are flagged as keyframes are not the random access points.
    """
    types = UNIT_TYPES[codec]
    names = ("references", "random_access", "open_access", "leading")
    masks = [_packet_mask(types, head) for head in range(256)]
    found = bytearray()
    changes, with_parameters, last = list[int](), list[int](), b""
    for number, (offset, size) in enumerate(zip(offsets, sizes, strict=True)):
        if present is not None and not present[number]:
            found.append(_REFERENCE | _RANDOM_ACCESS * are_keyframes[number])
            continue
        head = os.pread(descriptor, _HEAD_BYTES, offset)
        if len(head) <= length_bytes:
            raise UnsupportedTablesError
        length = int.from_bytes(head[:length_bytes], "big")
        if length + length_bytes == size and not masks[head[length_bytes]] & _SPECIAL:
            found.append(masks[head[length_bytes]] & _ROLES)  # the only unit
            continue
        mask, parameters = _read_units(descriptor, head, length_bytes, offset, size, masks)
        found.append(mask & _ROLES)
        if parameters:
            with_parameters.append(number)
            if parameters != last:
                changes.append(number)
            last = parameters
    marks = {name: bytes(found.translate(_BIT_TABLES[bit])) for bit, name in enumerate(names)}
    access_points = bytes(bool(mask & _ACCESS_POINTS) for mask in range(256))
    if found.translate(access_points) != bytes(are_keyframes):  # FFmpeg would derive other keyframes
        raise UnsupportedTablesError
    return PacketRoles(marks, changes, with_parameters)


_REFERENCE, _RANDOM_ACCESS, _OPEN_ACCESS, _LEADING, _RECOVERY, _PARAMETERS, _MESSAGE, _SLICE, _UNSUPPORTED = (
    1 << bit for bit in range(9)
)
_ROLES: Final = 0x1F
"""The bits up to the one of recovery points, which are kept of each packet."""

_ACCESS_POINTS: Final = _RANDOM_ACCESS | _OPEN_ACCESS | _RECOVERY
"""A recovery point of H.264 is a keyframe for FFmpeg, but no access point for a decode plan."""

_SPECIAL: Final = _PARAMETERS | _UNSUPPORTED
_BIT_TABLES: Final = [bytes(value >> bit & 1 for value in range(256)) for bit in range(4)]


def _packet_mask(types: UnitTypes, head: int) -> int:
    """Return what the first byte of a unit says of its packet."""
    kind = types.type_of(head)
    if head & 0x80:  # forbidden_zero_bit
        return _UNSUPPORTED
    return (
        _REFERENCE * types.is_reference(head)
        | _RANDOM_ACCESS * (kind in types.random_access)
        | _OPEN_ACCESS * (kind in types.open_access)
        | _LEADING * (kind in types.leading)
        | _PARAMETERS * (kind in types.parameters)
        | _MESSAGE * (kind in types.messages)
        | _SLICE * (kind in types.slices)
        | _UNSUPPORTED * (kind in types.unsupported)
    )


def _read_units(
    descriptor: int, head: bytes, length_bytes: int, offset: int, size: int, masks: Sequence[int]
) -> tuple[int, bytes]:
    """Return what all units of a packet say of it, and its parameter sets.

    Raises:
        UnsupportedTablesError: The packet does not consist of units, or has unsupported ones.
    """
    position, packet_mask, parameters = 0, 0, b""
    for _ in range(_MAX_UNITS):
        if position + length_bytes + 1 > len(head):
            head, offset, size, position = (
                os.pread(descriptor, _HEAD_BYTES, offset + position), offset + position, size - position, 0,
            )  # fmt: skip
        length = int.from_bytes(head[position : position + length_bytes], "big")
        start, end = position + length_bytes, position + length_bytes + length
        if not length or end > size or start >= len(head):
            raise UnsupportedTablesError
        mask = masks[head[start]]
        if mask & _UNSUPPORTED:
            raise UnsupportedTablesError
        if mask & _PARAMETERS:
            parameters += os.pread(descriptor, length, offset + start) + b"\0\0\0\1"
        elif mask & _MESSAGE and not packet_mask & _SLICE:
            if length > _MAX_MESSAGE_BYTES:
                raise UnsupportedTablesError
            recovers = has_recovery_point(os.pread(descriptor, length, offset + start))
            packet_mask |= _RECOVERY * recovers
        packet_mask |= mask
        if end == size:
            return packet_mask, parameters
        position = end
    raise UnsupportedTablesError
