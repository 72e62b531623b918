"""Containers as elements - boxes, chunks, tags, packets - that can be changed and written again. Pure."""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

_MOST_DEPTH: Final = 20

Header = Callable[[int], bytes]
"""What stands before a body of so many bytes."""


def _nothing(body: bytes) -> bytes:
    return b""


@dataclass(slots=True)
class Element:
    """A body, or children, between a header that states their size and an end that follows from them."""

    header: Header
    body: bytes = b""
    children: "list[Element] | None" = None
    end: Callable[[bytes], bytes] = _nothing

    def written(self) -> bytes:
        body = self.body + b"".join(child.written() for child in self.children or ())
        return self.header(len(body)) + body + self.end(body)


@dataclass(slots=True)
class Tree:
    elements: list[Element] = field(default_factory=list)

    def written(self) -> bytes:
        return b"".join(element.written() for element in self.elements)

    def lists(self) -> Iterator[list[Element]]:
        """Every list of siblings that is not empty."""
        waiting = [self.elements]
        while waiting:
            siblings = waiting.pop()
            if siblings:
                yield siblings
            waiting += [element.children for element in siblings if element.children is not None]


def parsed(data: bytes) -> Tree:
    """The elements of a file that begins like one of the known containers, else pieces of 188 bytes."""
    return Tree(_reader(data)(data))


def _reader(data: bytes) -> Callable[[bytes], list[Element]]:
    starts: dict[bytes, Callable[[bytes], list[Element]]] = {
        b"\x1a\x45\xdf\xa3": _ebml,
        b"RIFF": _riff,
        b"FLV": _flv,
        _ASF_START: _asf,
        b"\x06\x0e\x2b\x34": _mxf,
        b"\x89PNG": _png,
        b"OggS": lambda data: _split(data, b"OggS"),
        b"DKIF": _ivf,
        b"\0\0\0\1": lambda data: _split(data, b"\0\0\1"),
        b"\0\0\1": lambda data: _split(data, b"\0\0\1"),
    }
    if data[4:8] in (b"ftyp", b"wide", b"moov", b"mdat"):
        return _boxes
    return next((reader for start, reader in starts.items() if data.startswith(start)), _packets)


def _plain(header: bytes) -> Header:
    return lambda _: header


_BOXES_OF_BOXES = frozenset(b"moov trak mdia minf stbl edts dinf udta moof traf mvex mfra".split())


def _boxes(data: bytes, depth: int = 0) -> list[Element]:
    found: list[Element] = []
    position = 0
    while position + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        if size < 8 or position + size > len(data):
            break
        body = data[position + 8 : position + size]
        header = _box_header(kind)
        if kind in _BOXES_OF_BOXES and depth < _MOST_DEPTH:
            found.append(Element(header, children=_boxes(body, depth + 1)))
        else:
            found.append(Element(header, body))
        position += size
    return found + _rest(data, position)


def _box_header(kind: bytes) -> Header:
    return lambda size: struct.pack(">I4s", (size + 8) & 0xFFFFFFFF, kind)


_MASTERS = frozenset(
    bytes.fromhex(number)
    for number in ("18538067", "1654AE6B", "AE", "E0", "1F43B675", "A0", "1C53BB6B", "BB", "1254C367")
)


def _ebml(data: bytes, depth: int = 0) -> list[Element]:
    found: list[Element] = []
    position = 0
    while position < len(data):
        number_end = position + _vint_length(data[position])
        if number_end >= len(data):
            break
        length = _vint_length(data[number_end])
        start = number_end + length
        size = int.from_bytes(data[number_end:start], "big") & ((1 << 7 * length) - 1)
        size = min(size, len(data) - start)  # also where it is unknown, as in a live stream
        number, body = data[position:number_end], data[start : start + size]
        header = _ebml_header(number)
        if number in _MASTERS and depth < _MOST_DEPTH:
            found.append(Element(header, children=_ebml(body, depth + 1)))
        else:
            found.append(Element(header, body))
        position = start + size
    return found + _rest(data, position)


def _ebml_header(number: bytes) -> Header:
    return lambda size: number + ((1 << 56) | size).to_bytes(8, "big")


def _vint_length(first: int) -> int:
    return 9 - first.bit_length() if first else 8


def _riff(data: bytes, depth: int = 0) -> list[Element]:
    found: list[Element] = []
    position = 0
    while position + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, position)
        start = position + 8
        if start + size > len(data):
            break
        body = data[start : start + size]
        if kind in (b"RIFF", b"LIST") and depth < _MOST_DEPTH:
            found.append(Element(_chunk_header(kind), body[:4], _riff(body[4:], depth + 1)))
        else:
            found.append(Element(_chunk_header(kind), body, end=_to_even))
        position = start + size + size % 2
    return found + _rest(data, position)


def _chunk_header(kind: bytes) -> Header:
    return lambda size: struct.pack("<4sI", kind, size & 0xFFFFFFFF)


def _to_even(body: bytes) -> bytes:
    return bytes(len(body) % 2)


def _flv(data: bytes) -> list[Element]:
    found = _rest(data[:13], 0)
    position = 13
    while position + 11 <= len(data):
        size = int.from_bytes(data[position + 1 : position + 4], "big")
        body = data[position + 11 : position + 11 + size + 4]  # with the size of the tag, which follows it
        found.append(Element(_plain(data[position : position + 11]), body))
        position += 15 + size
    return found


_ASF_START = bytes.fromhex("3026B275")


def _asf(data: bytes) -> list[Element]:
    found: list[Element] = []
    position = 0
    while position + 24 <= len(data):
        size = int.from_bytes(data[position + 16 : position + 24], "little")
        if size < 24:
            break
        kind, body = data[position : position + 16], data[position + 24 : position + size]
        if kind.startswith(_ASF_START):
            found.append(Element(_asf_header(kind), body[:6], _asf(body[6:])))
        else:
            found.append(Element(_asf_header(kind), body))
        position += size
    return found + _rest(data, position)


def _asf_header(kind: bytes) -> Header:
    return lambda size: kind + (size + 24).to_bytes(8, "little")


def _mxf(data: bytes) -> list[Element]:
    found: list[Element] = []
    position = 0
    while position + 17 <= len(data):
        key, first = data[position : position + 16], data[position + 16]
        long = first & 0x7F if first & 0x80 else 0
        start = position + 17 + long
        size = int.from_bytes(data[position + 17 : start], "big") if long else first
        found.append(Element(_mxf_header(key), data[start : start + size]))
        position = start + size
    return found + _rest(data, position)


def _mxf_header(key: bytes) -> Header:
    return lambda size: key + b"\x87" + size.to_bytes(7, "big")


def _png(data: bytes) -> list[Element]:
    found = _rest(data[:8], 0)
    position = 8
    while position + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + size]
        found.append(Element(_png_header(kind), body, end=_png_checksum(kind)))
        position += 12 + size
    return found


def _png_header(kind: bytes) -> Header:
    return lambda size: struct.pack(">I4s", size, kind)


def _png_checksum(kind: bytes) -> Callable[[bytes], bytes]:
    return lambda body: zlib.crc32(kind + body).to_bytes(4, "big")


def _ivf(data: bytes) -> list[Element]:
    found = _rest(data[:32], 0)
    position = 32
    while position + 12 <= len(data):
        size = int.from_bytes(data[position : position + 4], "little")
        time, start = data[position + 4 : position + 12], position + 12
        found.append(Element(_ivf_header(time), data[start : start + size]))
        position = start + size
    return found


def _ivf_header(time: bytes) -> Header:
    return lambda size: struct.pack("<I", size) + time


def _split(data: bytes, mark: bytes) -> list[Element]:
    first, *rest = data.split(mark)
    return _rest(first, 0) + [Element(_plain(mark), body) for body in rest]


def _packets(data: bytes) -> list[Element]:
    starts = range(0, len(data), 188)
    return [Element(_plain(data[start : start + 4]), data[start + 4 : start + 188]) for start in starts]


def _rest(data: bytes, position: int) -> list[Element]:
    """What does not look like an element, as one without a header."""
    return [Element(_plain(b""), data[position:])] if position < len(data) else []
