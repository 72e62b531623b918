"""Detect truncated files by the structure of their container.

A duration in a header is no evidence: live recordings, excerpts of streams and screen recordings have headers
with longer durations than were written. Evidence is a box, a segment, a packet or a table that extends beyond
the end of the file. This module reads only headers, never media data.
"""

import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Final

_MAX_STEPS: Final = 500_000
_TAIL_BYTES: Final = 1 << 17
ASF_HEADER_BYTES: Final = 1 << 17
_BOXES_WITH_CONTENT: Final = frozenset({b"mdat", b"moov", b"moof", b"idat", b"mfra"})
_FLV_TAG_TYPES: Final = frozenset({8, 9, 18})
_M2TS_PACKET_BYTES: Final = 192
_M2TS_TIME_BYTES: Final = 4
_TS_PACKET_BYTES: Final = (188, _M2TS_PACKET_BYTES, 204)
_TS_SYNC: Final = 0x47
EBML_HEADER: Final = 0x1A45DFA3
SEGMENT: Final = 0x18538067
_OGG_HEADER_BYTES: Final = 27
_DV_525_BYTES: Final = 120_000
_DV_625_BYTES: Final = 144_000
_ASF_FILE_PROPERTIES: Final = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def is_truncated(path: Path, container: str) -> bool:
    """Whether a structure of the container extends beyond the end of the file.

    Args:
        path: The file.
        container: FFmpeg's name of the demuxer.

    Returns:
        Also ``False`` if the container gives no evidence.
    """
    check = _CHECKS.get(container.partition(",")[0])
    if check is None:
        return False
    with path.open("rb") as file:
        return check(file, os.fstat(file.fileno()).st_size)


def read_at(file: BinaryIO, position: int, size: int) -> bytes:
    """Read `size` bytes at `position`; fewer at the end of the file."""
    file.seek(position)
    return file.read(size)


def _mov(file: BinaryIO, size: int) -> bool:
    """A top-level box extends beyond the end, or the data of the last fragment is missing."""
    position, last = 0, b""
    for _ in range(_MAX_STEPS):
        head = read_at(file, position, 16)
        if len(head) < 8:
            return last == b"moof" and position <= size
        length, kind = struct.unpack_from(">I4s", head)
        if length == 1 and len(head) == 16:
            length = struct.unpack_from(">Q", head, 8)[0]
        if length < 8:  # 0: up to the end of the file; 1-7: not a box
            return False
        if position + length > size:
            return kind in _BOXES_WITH_CONTENT
        position, last = position + length, kind
    return False


def _matroska(file: BinaryIO, size: int) -> bool:
    """A segment of known length extends beyond the end."""
    position = 0
    for _ in range(_MAX_STEPS):
        head = read_at(file, position, 12)
        element = ebml_number(head, 0, keep_marker=True)
        length = ebml_number(head, element[1], keep_marker=False) if element else None
        if element is None or length is None or element[0] not in (EBML_HEADER, SEGMENT):
            return False
        value, end = length
        if is_unknown_length(value, end - element[1]):
            return False
        if position + end + value > size:
            return True
        position += end + value
    return False


def ebml_number(data: bytes, position: int, *, keep_marker: bool) -> tuple[int, int] | None:
    """Return an EBML variable-length integer, and the position after it."""
    if position >= len(data) or not data[position]:
        return None
    count = 9 - data[position].bit_length()
    if position + count > len(data):
        return None
    value = int.from_bytes(data[position : position + count], "big")
    return (value if keep_marker else value & ((1 << 7 * count) - 1)), position + count


def is_unknown_length(value: int, size: int) -> bool:
    """Whether a length of `size` bytes means "unknown": all value bits are set."""
    return value == (1 << 7 * size) - 1


def _mpegts(file: BinaryIO, size: int) -> bool:
    """The last packet is shorter than the others."""
    head = read_at(file, 0, 8 * max(_TS_PACKET_BYTES))
    for packet_bytes in _TS_PACKET_BYTES:
        for start in range(packet_bytes):
            syncs = head[start::packet_bytes]
            if len(syncs) > 4 and set(syncs) == {_TS_SYNC}:
                before = _M2TS_TIME_BYTES if packet_bytes == _M2TS_PACKET_BYTES else 0
                rest = (size - start + before) % packet_bytes
                return rest > before and read_at(file, size - rest + before, 1) == bytes([_TS_SYNC])
    return False


def _flv(file: BinaryIO, size: int) -> bool:
    """The last tag is incomplete.

    Each tag is followed by its size. If the last four bytes are not the size of a tag, all tags are followed
    from the start.
    """
    trailer = read_at(file, max(0, size - 4), 4)
    length = int.from_bytes(trailer, "big")
    if 11 <= length <= size - 4 and flv_tag_bytes(read_at(file, size - 4 - length, 11)) == length:
        return False
    position = int.from_bytes(read_at(file, 5, 4), "big") + 4
    for _ in range(_MAX_STEPS):
        head = read_at(file, position, 11)
        if not head or head[0] & 0x1F not in _FLV_TAG_TYPES or any(head[8:]):
            return False
        if len(head) < 11 or position + flv_tag_bytes(head) + 4 > size:
            return True
        position += flv_tag_bytes(head) + 4
    return False


def flv_tag_bytes(head: bytes) -> int:
    """Return the size of a tag with its header, whose last three bytes are 0; 0 if it is not a tag."""
    known = len(head) == 11 and head[0] & 0x1F in _FLV_TAG_TYPES and not any(head[8:])
    return 11 + int.from_bytes(head[1:4], "big") if known else 0


def _avi(file: BinaryIO, size: int) -> bool:
    """A RIFF chunk extends beyond the end. Recorders write its size last: 0 means unknown."""
    position = 0
    for _ in range(_MAX_STEPS):
        head = read_at(file, position, 8)
        if len(head) < 8 or head[:4] != b"RIFF":
            return False
        length = int.from_bytes(head[4:], "little")
        if length in (0, 0xFFFF_FFFF):
            return False
        if position + 8 + length > size:
            return True
        position += 8 + length + length % 2
    return False


def _asf(file: BinaryIO, size: int) -> bool:
    """The file is shorter than the size in its file properties object, and not a broadcast."""
    head = read_at(file, 0, ASF_HEADER_BYTES)
    length = asf_bytes(head)
    if length is None:
        return False
    is_broadcast = head[head.find(_ASF_FILE_PROPERTIES) + 88] & 1
    return not is_broadcast and length > size


def asf_bytes(head: bytes) -> int | None:
    """Return the size in the file properties object; ``None`` without such an object."""
    position = head.find(_ASF_FILE_PROPERTIES)
    if position < 0 or len(head) < position + 92:
        return None
    return int.from_bytes(head[position + 40 : position + 48], "little")


def _ivf(file: BinaryIO, size: int) -> bool:
    """The last frame is incomplete."""
    position = 32
    for _ in range(_MAX_STEPS):
        head = read_at(file, position, 12)
        if not head:
            return False
        length = int.from_bytes(head[:4], "little")
        if not length:  # padding
            return False
        if len(head) < 12 or position + 12 + length > size:
            return True
        position += 12 + length
    return False


def _ogg(file: BinaryIO, size: int) -> bool:
    """The last page is incomplete."""
    tail = read_at(file, max(0, size - _TAIL_BYTES), _TAIL_BYTES)
    position = tail.rfind(b"OggS")
    if position < 0:
        return False
    page = tail[position:]
    if len(page) < _OGG_HEADER_BYTES:
        return True
    segments = page[_OGG_HEADER_BYTES - 1]
    lengths = page[_OGG_HEADER_BYTES : _OGG_HEADER_BYTES + segments]
    return len(lengths) < segments or _OGG_HEADER_BYTES + segments + sum(lengths) > len(page)


def _dv(file: BinaryIO, size: int) -> bool:
    """The last frame is incomplete: all have the same size, or a multiple of it at higher rates."""
    head = read_at(file, 0, 4)
    is_of_625_lines = len(head) == 4 and head[3] & 0x80
    return size % (_DV_625_BYTES if is_of_625_lines else _DV_525_BYTES) != 0


_CHECKS: Final[Mapping[str, Callable[[BinaryIO, int], bool]]] = {
    "asf": _asf,
    "avi": _avi,
    "dv": _dv,
    "flv": _flv,
    "ivf": _ivf,
    "matroska": _matroska,
    "mov": _mov,
    "mpegts": _mpegts,
    "ogg": _ogg,
}
