"""Find a second file that is appended to the one that FFmpeg reads.

Recordings are sometimes joined byte by byte. In some containers (transport streams, raw streams, Ogg, AVI,
live Matroska) FFmpeg reads all of them; in others it silently stops after the first, as most players do. This
module reads only headers, never media data.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Final

from extractor.media.probe.truncation import (
    ASF_HEADER_BYTES,
    EBML_HEADER,
    SEGMENT,
    asf_bytes,
    ebml_number,
    flv_tag_bytes,
    is_unknown_length,
    read_at,
)

_MAX_STEPS: Final = 500_000
_SEGMENTS_READ: Final = 2
"""FFmpeg reads at most this number of segments of known length from a Matroska file."""

_ASF_START: Final = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_FLV_START: Final = b"FLV\x01"


def unread_bytes(path: Path, container: str) -> int:
    """Return the number of bytes at the end that belong to an appended file, which FFmpeg does not read.

    Args:
        path: The file.
        container: FFmpeg's name of the demuxer.
    """
    find = _FINDERS.get(container.partition(",")[0])
    if find is None:
        return 0
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = find(file)
    return 0 if start is None else size - start


def _matroska(file: BinaryIO) -> int | None:
    """Find the third segment, if the segments before it have known lengths."""
    position = start = segments = 0
    for _ in range(_MAX_STEPS):
        head = read_at(file, position, 12)
        element = ebml_number(head, 0, keep_marker=True)
        length = ebml_number(head, element[1], keep_marker=False) if element else None
        if element is None or length is None or element[0] not in (EBML_HEADER, SEGMENT):
            return None
        if element[0] == EBML_HEADER:
            start = position
        elif segments == _SEGMENTS_READ:
            return start
        elif is_unknown_length(length[0], length[1] - element[1]):
            return None
        else:
            segments += 1
        position += length[1] + length[0]
    return None


def _mov(file: BinaryIO) -> int | None:
    """Find the second ``ftyp`` box, if a ``moov`` precedes and follows it, and there are no fragments."""
    position = 0
    has_moov = False
    second: int | None = None
    for _ in range(_MAX_STEPS):
        head = read_at(file, position, 16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        if length < 8 or kind == b"moof":
            return None
        if kind == b"ftyp" and has_moov and second is None:
            second = position
        if kind == b"moov" and second is not None:
            return second
        has_moov |= kind == b"moov"
        position += length
    return None


def _flv(file: BinaryIO) -> int | None:
    """Find a file header in place of a tag."""
    position = int.from_bytes(read_at(file, 5, 4), "big") + 4
    for _ in range(_MAX_STEPS):
        head = read_at(file, position, 11)
        if head.startswith(_FLV_START):
            return position
        length = flv_tag_bytes(head)
        if not length:
            return None
        position += length + 4
    return None


def _asf(file: BinaryIO) -> int | None:
    """Find a file header at the end of the file according to its file properties object."""
    length = asf_bytes(read_at(file, 0, ASF_HEADER_BYTES))
    if length is None or read_at(file, length, 16) != _ASF_START:
        return None
    return length


_FINDERS: Final[Mapping[str, Callable[[BinaryIO], int | None]]] = {
    "asf": _asf,
    "flv": _flv,
    "matroska": _matroska,
    "mov": _mov,
}
