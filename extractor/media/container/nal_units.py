"""Classify the packets of H.264 and HEVC by the headers of their NAL units, as stored in MP4 and Matroska.

The results are those of the bitstream filters of `extractor.media.probe.decode_order`, without FFmpeg. Only
the first bytes of each unit are read, and all of those with parameter sets or messages.
"""

import os
import struct
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import compress, count, repeat
from operator import sub
from typing import Final

from msgspec import Struct

from extractor.media.container.recovery_points import has_recovery_point
from extractor.media.container.sample_table import UnsupportedTablesError

_HEAD_BYTES: Final = 64
"""How much is read at the start of a sample. Units before the picture are mostly within."""

_MAX_UNITS: Final = 1_000
_MAX_MESSAGE_BYTES: Final = 1 << 16

_HEADS: Final = {1: struct.Struct(">BB"), 2: struct.Struct(">HB"), 4: struct.Struct(">IB")}
"""The length of a unit and its first byte, by the size of the length."""

_RUN_BYTES: Final = 1 << 18
_RUN_PACKETS: Final = 16
"""How many packets there must be in `_RUN_BYTES` for reading them at once."""


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
        unread: The numbers of the keyframes of which too few bytes are held to read their units.
    """

    marks: Mapping[str, bytes]
    changes: Sequence[int]
    with_parameters: Sequence[int]
    unread: Sequence[int]


def read_roles(
    descriptor: int,
    codec: str,
    length_bytes: int,
    offsets: Sequence[int],
    sizes: Sequence[int],
    are_keyframes: Sequence[int],
    held: Sequence[int] | None = None,
) -> PacketRoles:
    """Read the roles of all packets.

    A packet of which bytes are missing counts as a reference without parameter sets. If it is flagged as a
    keyframe, the bytes that are held may suffice; else it counts as a closed access point, too.

    Args:
        descriptor: The open file.
        codec: A key of `UNIT_TYPES`.
        length_bytes: The size of the length before each unit.
        offsets: The position of each packet in the file.
        sizes: Their sizes.
        are_keyframes: Whether they are flagged as keyframes.
        held: For each packet of a partial file, how many bytes from its start on are there; ``None`` for a
            whole file.

    Raises:
        UnsupportedTablesError: A packet does not consist of units, or has unsupported ones, or the packets
            that are flagged as keyframes are not the random access points.
    """
    names = ("references", "random_access", "open_access", "leading")
    masks = _packet_masks(codec)
    only = bytes(_OTHER if mask & _SPECIAL else mask & _ROLES for mask in masks)
    heads = _only_units(descriptor, length_bytes, offsets, sizes, held)
    found = bytearray(heads.translate(only))
    changes, with_parameters, unread, last = list[int](), list[int](), list[int](), b""
    for number in compress(count(), found.translate(_ARE_OTHER)):
        offset, size = offsets[number], sizes[number]
        held_size = size if held is None else held[number]
        if held_size < size and not are_keyframes[number]:
            found[number] = _REFERENCE
            continue
        units = _read_units(descriptor, length_bytes, offset, size, masks, held_size)
        if units is None:
            unread.append(number)
            units = _REFERENCE | _RANDOM_ACCESS, b""
        mask, parameters = units
        found[number] = mask & _ROLES
        if parameters:
            with_parameters.append(number)
            if parameters != last:
                changes.append(number)
            last = parameters
    marks = {name: bytes(found.translate(_BIT_TABLES[bit])) for bit, name in enumerate(names)}
    access_points = bytes(bool(mask & _ACCESS_POINTS) for mask in range(256))
    if found.translate(access_points) != bytes(are_keyframes):  # FFmpeg would derive other keyframes
        raise UnsupportedTablesError
    return PacketRoles(marks, changes, with_parameters, unread)


def _only_units(
    descriptor: int,
    length_bytes: int,
    offsets: Sequence[int],
    sizes: Sequence[int],
    held: Sequence[int] | None,
) -> bytes:
    """Return the first byte of each packet's unit; `_OTHER` if it is one of several, or bytes are missing."""
    if length_bytes not in _HEADS:
        return bytes([_OTHER]) * len(sizes)
    unpack, size = _HEADS[length_bytes].unpack_from, _HEADS[length_bytes].size
    found = bytearray()
    first = 0
    while first < len(offsets):
        start = offsets[first]
        if held is not None and held[first] < sizes[first]:
            found.append(_OTHER)
            first += 1
            continue
        end = _end_of_run(offsets, first) if held is None else first + 1
        data = os.pread(descriptor, offsets[end - 1] - start + size, start)
        if len(data) != offsets[end - 1] - start + size:
            raise UnsupportedTablesError
        heads = map(unpack, repeat(data), map(sub, offsets[first:end], repeat(start)))
        found.extend(
            head if length + length_bytes == packet else _OTHER
            for (length, head), packet in zip(heads, sizes[first:end], strict=True)
        )
        first = end
    return bytes(found)


def _end_of_run(offsets: Sequence[int], first: int) -> int:
    """Return the end of a run of small packets that follow each other in the file.

    Reading them at once takes less time than a system call for each.
    """
    last = first + _RUN_PACKETS - 1
    if last >= len(offsets) or not 0 <= offsets[last] - offsets[first] <= _RUN_BYTES:
        return first + 1
    end = bisect_right(offsets, offsets[first] + _RUN_BYTES, last)
    run = offsets[first:end]
    is_ascending = min(run) == run[0] and max(run) == run[-1]
    return end if is_ascending else first + 1


_REFERENCE, _RANDOM_ACCESS, _OPEN_ACCESS, _LEADING, _RECOVERY, _PARAMETERS, _MESSAGE, _SLICE, _UNSUPPORTED = (
    1 << bit for bit in range(9)
)
_ROLES: Final = 0x1F
"""The bits up to the one of recovery points, which are kept of each packet."""

_ACCESS_POINTS: Final = _RANDOM_ACCESS | _OPEN_ACCESS | _RECOVERY
"""A recovery point of H.264 is a keyframe for FFmpeg, but no access point for a decode plan."""

_SPECIAL: Final = _PARAMETERS | _UNSUPPORTED
_OTHER: Final = 0x80
"""No first byte of a unit: forbidden_zero_bit is set. Nor are it the roles of a packet."""
_ARE_OTHER: Final = bytes(value == _OTHER for value in range(256))
_BIT_TABLES: Final = [bytes(value >> bit & 1 for value in range(256)) for bit in range(4)]


@cache
def _packet_masks(codec: str) -> Sequence[int]:
    """Return for each first byte of a unit what it says of its packet."""
    return [_packet_mask(UNIT_TYPES[codec], head) for head in range(256)]


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
    descriptor: int,
    length_bytes: int,
    offset: int,
    size: int,
    masks: Sequence[int],
    held_size: int,
) -> tuple[int, bytes] | None:
    """Return what all units of a packet say of it, and its parameter sets.

    Args:
        descriptor: The open file.
        length_bytes: The size of the length before each unit.
        offset: The position of the packet in the file.
        size: Its size.
        masks: What the first byte of a unit says of its packet.
        held_size: How many bytes of the packet, from its start on, the file has.

    Returns:
        ``None`` if the bytes that the file has do not suffice.

    Raises:
        UnsupportedTablesError: The packet does not consist of units, or has unsupported ones.
    """
    head = os.pread(descriptor, _HEAD_BYTES, offset)
    position, head_position, packet_mask, parameters = 0, 0, 0, b""
    for _ in range(_MAX_UNITS):
        start = position + length_bytes
        if held_size <= start < size:
            return None
        if start >= head_position + len(head):
            head, head_position = os.pread(descriptor, _HEAD_BYTES, offset + position), position
        within = position - head_position
        length = int.from_bytes(head[within : within + length_bytes], "big")
        end = start + length
        if not length or end > size or start >= head_position + len(head):
            raise UnsupportedTablesError
        mask = masks[head[start - head_position]]
        if mask & _UNSUPPORTED:
            raise UnsupportedTablesError
        if mask & _PARAMETERS:
            if end > held_size:
                return None
            parameters += os.pread(descriptor, length, offset + start) + b"\0\0\0\1"
        elif mask & _MESSAGE and not packet_mask & _SLICE:
            if end > held_size:
                return None
            if length > _MAX_MESSAGE_BYTES:
                raise UnsupportedTablesError
            recovers = has_recovery_point(os.pread(descriptor, length, offset + start))
            packet_mask |= _RECOVERY * recovers
        packet_mask |= mask
        if end == size:
            return packet_mask, parameters
        position = end
    raise UnsupportedTablesError
