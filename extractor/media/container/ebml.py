"""Split EBML files (Matroska, WebM) into elements.

RFC 8794. Of elements of unknown size, only one that extends to the end of the file is supported.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from extractor.media.container.sample_table import SeekableFile, UnsupportedTablesError

_HEAD_BYTES: Final = 32
"""An identifier of 4 bytes, a size of 8 bytes, and the first bytes of the content."""

_MAX_IDENTIFIER_BYTES: Final = 4
_MAX_NUMBER_BYTES: Final = 8
UNKNOWN: Final = -1
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
        open_ended: The identifier of elements that may have an unknown size: they extend to the end of the
            element around them.

    All methods raise `UnsupportedTablesError` for damaged elements and other ones of unknown size, and when
    there are very many.
    """

    def __init__(self, file: SeekableFile, open_ended: int) -> None:
        self._file, self._open_ended = file, open_ended
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
            if not head:
                raise UnsupportedTablesError
            length = _LENGTHS[head[0]]
            identifier = int.from_bytes(head[:length], "big")
            size, content = read_number(head, length)
            first = position + content
            if size == UNKNOWN and identifier == self._open_ended:
                size = end - first
            position = first + size
            if length > _MAX_IDENTIFIER_BYTES or size < 0 or position > end:
                raise UnsupportedTablesError
            yield Element(identifier, first, position, head[content : content + size])

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

    Returns:
        The number, `UNKNOWN` if it stands for an unknown size; and the position.

    Raises:
        UnsupportedTablesError: It is cut off or longer than 8 bytes.
    """
    if position >= len(data):
        raise UnsupportedTablesError
    length = _LENGTHS[data[position]]
    end = position + length
    unmarked = (1 << 7 * length) - 1
    number = int.from_bytes(data[position:end], "big") & unmarked
    if end > len(data) or length > _MAX_NUMBER_BYTES:
        raise UnsupportedTablesError
    return (UNKNOWN if number == unmarked else number), end
