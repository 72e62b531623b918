"""Write containers whose parameter sets change within the stream. FFmpeg's muxers keep the first ones, or
repeat them."""

import re
import struct
from collections.abc import Callable, Sequence
from itertools import chain

from tests.fuzz.elements import Element, parsed

_FREE = {"h264": 0x7E, "hevc": 0x60}
"""The first byte of a unit of a kind that means nothing."""


def joined_mp4(files: Sequence[bytes]) -> bytes:
    """Join MP4 files without audio or reordering: each becomes a chunk with its own sample entry."""
    trees = [parsed(file).elements for file in files]
    entries = [_box(tree, b"stsd").body[8:] for tree in trees]
    sizes = [_numbers(_box(tree, b"stsz").body[12:]) for tree in trees]
    keys = [_numbers(_box(tree, b"stss").body[8:]) for tree in trees]
    starts = [_numbers(_box(tree, b"stco").body[8:])[0] for tree in trees]
    media = [
        file[start : start + sum(lengths)] for file, start, lengths in zip(files, starts, sizes, strict=True)
    ]
    counts = [len(lengths) for lengths in sizes]
    firsts = [sum(counts[:place]) for place in range(len(counts))]
    duration = _numbers(_box(trees[0], b"stts").body[8:])[1]
    tables = {
        b"stsd": struct.pack(">II", 0, len(entries)) + b"".join(entries),
        b"stts": struct.pack(">IIII", 0, 1, sum(counts), duration),
        b"stsz": _table(list(chain.from_iterable(sizes)), 0, 0, sum(counts)),
        b"stss": _table([key + first for one, first in zip(keys, firsts, strict=True) for key in one]),
        b"stsc": struct.pack(">II", 0, len(counts))
        + b"".join(struct.pack(">III", number, count, number) for number, count in enumerate(counts, 1)),
    }
    moov = next(box for box in trees[0] if box.header(0)[4:8] == b"moov")
    for kind, body in tables.items():
        _box([moov], kind).body = body
    for box in _all([moov]):
        box.children = box.children and [it for it in box.children if it.header(0)[4:8] != b"edts"]
    offsets = _box([moov], b"stco")
    offsets.body = _table([0] * len(counts))
    first = len(trees[0][0].written()) + len(moov.written()) + 8
    offsets.body = _table([first + sum(map(len, media[:place])) for place in range(len(media))])
    data = b"".join(media)
    return trees[0][0].written() + moov.written() + struct.pack(">I4s", len(data) + 8, b"mdat") + data


def raw_with_sets_once(stream: bytes, sets: Callable[[int], bool]) -> bytes:
    """Return a raw stream without repeated parameter sets; for `sets`, see `with_sets_once`."""
    seen: set[bytes] = set()
    kept = []
    for unit in re.split(b"\x00?\x00\x00\x01", stream)[1:]:
        if sets(unit[0]):
            if unit in seen:
                continue
            seen.add(unit)
        kept.append(b"\x00\x00\x00\x01" + unit)
    return b"".join(kept)


def with_sets_once(stream: bytes, codec: str, sets: Callable[[int], bool]) -> bytes:
    """Return a transport stream whose parameter sets come once: repetitions become units of an unused type.

    `sets` decides by the first byte whether a unit is a parameter set.
    """
    data = bytearray(stream)
    last: dict[int, bytes] = {}
    for found in re.finditer(rb"\x00\x00\x01", stream):
        unit = stream[found.end() : found.end() + 60].partition(b"\0\0\1")[0]
        if unit and sets(unit[0]):
            if unit == last.get(unit[0]):
                data[found.end()] = _FREE[codec]
            else:
                if unit[0] in last:  # what refers to a set that changes must come again
                    last.clear()
                last[unit[0]] = unit
    return bytes(data)


def _all(boxes: Sequence[Element]) -> list[Element]:
    return [box for one in boxes for box in (one, *_all(one.children or ()))]


def _box(boxes: Sequence[Element], kind: bytes) -> Element:
    return next(box for box in _all(boxes) if box.header(0)[4:8] == kind)


def _numbers(body: bytes) -> list[int]:
    return list(struct.unpack(f">{len(body) // 4}I", body))


def _table(numbers: Sequence[int], *head: int) -> bytes:
    head = head or (0, len(numbers))
    return struct.pack(f">{len(head) + len(numbers)}I", *head, *numbers)
