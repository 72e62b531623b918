"""Split ISO base media files (MP4, MOV) into boxes. Pure.

ISO/IEC 14496-12, 4.2. https://developer.apple.com/documentation/quicktime-file-format/atoms
"""

import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from typing import Final

from extractor.media.container.sample_table import UnsupportedTablesError

_MAX_BOXES: Final = 10_000


def split_boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the type and the content of each box in `data`.

    Raises:
        UnsupportedTablesError: A box extends beyond `data`, or there are very many.
    """
    position = 0
    for _ in range(_MAX_BOXES):
        if len(data) - position < 8:  # QuickTime may end a list with four zero bytes
            return
        size, kind = struct.unpack_from(">I4s", data, position)
        header = 8
        if size == 1 and len(data) - position >= 16:
            size, header = struct.unpack_from(">Q", data, position + 8)[0], 16
        if size < header or size > len(data) - position:
            raise UnsupportedTablesError
        yield kind, data[position + header : position + size]
        position += size
    raise UnsupportedTablesError


def children(data: memoryview) -> dict[bytes, list[memoryview]]:
    """Return the contents of the boxes in `data` by type."""
    found: dict[bytes, list[memoryview]] = {}
    for kind, content in split_boxes(data):
        found.setdefault(kind, []).append(content)
    return found


def only(boxes: dict[bytes, list[memoryview]], *path: bytes) -> memoryview:
    """Return the content of the box at a path of types.

    Raises:
        UnsupportedTablesError: There is no such box, or there are several.
    """
    content = memoryview(b"")
    for depth, kind in enumerate(path):
        found: Sequence[memoryview] = (children(content) if depth else boxes).get(kind, ())
        if len(found) != 1:
            raise UnsupportedTablesError
        content = found[0]
    return content


def unpack(layout: str, data: memoryview, position: int = 0) -> tuple[int, ...]:
    """Return the big-endian numbers at `position`.

    Args:
        layout: The format of the numbers, as of `struct`, without the byte order.
        data: The content of a box.
        position: In bytes.

    Raises:
        UnsupportedTablesError: The box is too short.
    """
    try:
        return struct.unpack_from(f">{layout}", data, position)
    except struct.error as error:
        raise UnsupportedTablesError from error


def unpack_array(data: memoryview, position: int, count: int, code: str = "I") -> "array[int]":
    """Return `count` big-endian numbers of a type of `array` at `position`.

    Raises:
        UnsupportedTablesError: The box is too short.
    """
    numbers = array(code)
    if len(data) < position + count * numbers.itemsize:
        raise UnsupportedTablesError
    numbers.frombytes(data[position : position + count * numbers.itemsize])
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers
