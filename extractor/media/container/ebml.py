"""Split EBML files (Matroska, WebM) into elements.

RFC 8794. Only elements of known size are supported.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from extractor.media.container.sample_table import SeekableFile, UnsupportedTablesError

_HEAD_BYTES: Final = 32
"""An identifier of 4 bytes, a size of 8 bytes, and the first bytes of the content."""

_MAX_ELEMENTS: Final = 2_000_000
_LENGTHS: Final = bytes(9 - value.bit_length() for value in range(256))
"""The length of a number in bytes, by its first byte."""


class Element(Struct, frozen=True, gc=False):
    """An element.

    Attributes:
        identifier: Its identifier, with the marker bits of its length.
        start: The position of its content in the file, in bytes.
        end: The position of the end of its content.
        head: The first bytes of its content, at least 20 if it is as long.
    """

    identifier: int
    start: int
    end: int
    head: bytes


class EbmlReader:
    """Reads the elements of a file. Contents are skipped, not read.

    Args:
        file: The file.

    All methods raise `UnsupportedTablesError` for damaged elements and those of unknown size, and when there
    are very many.
    """

    def __init__(self, file: SeekableFile) -> None:
        self._file = file
        self._left = _MAX_ELEMENTS

    def elements(self, start: int, end: int) -> Iterator[Element]:
        """Yield the elements between two positions."""
        file, position = self._file, start
        while position < end:
            self._left -= 1
            if self._left < 0:
                raise UnsupportedTablesError
            file.seek(position)
            head = file.read(_HEAD_BYTES)
            if len(head) < 2:
                raise UnsupportedTablesError
            length = _LENGTHS[head[0]]
            size, content = read_number(head, length)
            first = position + content
            position = first + size
            if length > 4 or position > end:
                raise UnsupportedTablesError
            yield Element(
                int.from_bytes(head[:length], "big"), first, position, head[content : content + size]
            )

    def children(self, element: Element) -> Iterator[Element]:
        """Yield the elements in an element."""
        return self.elements(element.start, element.end)

    def content(self, element: Element, most: int) -> bytes:
        """Return the content of an element of at most `most` bytes."""
        size = element.end - element.start
        if size > most:
            raise UnsupportedTablesError
        if size <= len(element.head):
            return element.head
        self._file.seek(element.start)
        return self._file.read(size)


def read_number(data: bytes, position: int) -> tuple[int, int]:
    """Return the number of variable length at `position`, and the position after it.

    Raises:
        UnsupportedTablesError: It is cut off, longer than 8 bytes, or stands for an unknown size.
    """
    if position >= len(data):
        raise UnsupportedTablesError
    length = _LENGTHS[data[position]]
    end = position + length
    unmarked = (1 << 7 * length) - 1
    number = int.from_bytes(data[position:end], "big") & unmarked
    if end > len(data) or length > 8 or number == unmarked:
        raise UnsupportedTablesError
    return number, end
