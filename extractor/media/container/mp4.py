"""Read the sample table of an MP4 or MOV file. Pure, except for the reads of the file.

Only files whose timestamps follow from the tables without interpretation are supported: one video track with
one sample entry, no fragments, and at most one edit, which shows the track from its first frame to its end.
"""

import sys
from array import array
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate, chain, islice, repeat
from operator import add, lt
from typing import Final, Protocol

from msgspec import Struct, field

from extractor.media.container.boxes import (
    UnsupportedTablesError,
    children,
    only,
    split_boxes,
    unpack,
)

_MAX_HEADER_BYTES: Final = 1 << 26
_MAX_TOP_LEVEL_BOXES: Final = 10_000
_KEY_GROUPS: Final = frozenset({b"rap ", b"sync"})
"""Sample groups from which FFmpeg derives keyframes as well."""
_UNSUPPORTED_TABLES: Final = frozenset({b"stps", b"senc", b"saiz", b"saio"})
"""Partial sync samples, and the tables of encrypted samples."""
_VISUAL_ENTRY_BYTES: Final = 78
_MAX_TIME_SCALE: Final = 10_000_000
_SIGN_BIT: Final = 1 << 31
"""FFmpeg reads some unsigned numbers as signed ones."""


class SeekableFile(Protocol):
    """What the reader needs of a file."""

    def seek(self, position: int, /) -> int:
        """Set the position."""
        ...

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, fewer at the end."""
        ...


class SampleEntry(Struct, frozen=True):
    """The description of the samples.

    Attributes:
        format: The four-character code of the codec.
        width: In pixels.
        height: Likewise.
        boxes: The contents of the boxes in it, by type.
    """

    format: bytes
    width: int
    height: int
    boxes: dict[bytes, bytes] = field(default_factory=dict)


class SampleTable(Struct, frozen=True):
    """The samples of a video track in decode order, as columns.

    Attributes:
        stream: The number of the track in the file, from 0.
        entry: The description of all samples.
        time_base: The unit of all timestamps, in seconds.
        dts: The decoding timestamps, after the edit.
        pts: The presentation timestamps, after the edit.
        durations: The durations.
        are_keyframes: One byte per sample: 1 if it is a sync sample, else 0.
        offsets: The positions in the file, in bytes.
        sizes: The sizes, in bytes.
    """

    stream: int
    entry: SampleEntry
    time_base: Fraction
    dts: "array[int]" = field(default_factory=lambda: array("q"))
    pts: "array[int]" = field(default_factory=lambda: array("q"))
    durations: "array[int]" = field(default_factory=lambda: array("q"))
    are_keyframes: bytearray = field(default_factory=bytearray)
    offsets: "array[int]" = field(default_factory=lambda: array("q"))
    sizes: "array[int]" = field(default_factory=lambda: array("I"))


def read_sample_table(file: SeekableFile, size: int, max_samples: int) -> SampleTable:
    """Read the sample table of the only video track.

    Args:
        file: The file.
        size: Its size in bytes.
        max_samples: The limit of samples.

    Raises:
        UnsupportedTablesError: The file is not supported.
    """
    movie = children(memoryview(_read_movie(file, size)))
    if b"mvex" in movie:
        raise UnsupportedTablesError
    tracks = [children(content) for content in movie.get(b"trak", ())]
    videos = [
        number for number, track in enumerate(tracks) if bytes(only(track, b"mdia", b"hdlr")[8:12]) == b"vide"
    ]
    if len(videos) != 1:
        raise UnsupportedTablesError
    header = only(movie, b"mvhd")
    movie_scale = unpack("I", header, 20 if header[0] == 1 else 12)[0]
    return _read_track(tracks, videos[0], movie_scale, size, max_samples)


def _read_movie(file: SeekableFile, size: int) -> bytes:
    """Return the content of the movie box."""
    position, movie = 0, None
    for _ in range(_MAX_TOP_LEVEL_BOXES):
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:
            break
        length, header = int.from_bytes(head[:4], "big"), 8
        kind = head[4:8]
        if length == 1:
            length, header = int.from_bytes(head[8:16], "big"), 16
        elif length == 0 and kind == b"mdat":
            length = size - position
        if length < header or position + length > size or kind == b"moof" or (movie and kind == b"moov"):
            raise UnsupportedTablesError
        if kind == b"moov":
            if length > _MAX_HEADER_BYTES:
                raise UnsupportedTablesError
            file.seek(position + header)
            movie = file.read(length - header)
        position += length
    if movie is None or position != size:
        raise UnsupportedTablesError
    return movie


def _read_track(
    tracks: Sequence[dict[bytes, list[memoryview]]],
    number: int,
    movie_scale: int,
    file_size: int,
    max_samples: int,
) -> SampleTable:
    track = tracks[number]
    header = only(track, b"mdia", b"mdhd")
    time_scale = unpack("I", header, 20 if header[0] == 1 else 12)[0]
    tables = children(only(track, b"mdia", b"minf", b"stbl"))
    if not (0 < time_scale <= _MAX_TIME_SCALE and 0 < movie_scale <= _MAX_TIME_SCALE):
        raise UnsupportedTablesError
    if tables.keys() & _UNSUPPORTED_TABLES or _has_key_groups(tables):
        raise UnsupportedTablesError
    sizes = _read_sizes(only(tables, b"stsz"), max_samples)
    durations = array("q", islice(_runs(only(tables, b"stts")), len(sizes) + 1))
    if len(durations) != len(sizes) or not all(durations) or max(durations) >= _SIGN_BIT:
        raise UnsupportedTablesError
    dts = array("q", accumulate(islice(durations, len(durations) - 1), initial=0))
    pts = dts
    if b"ctts" in tables:
        offsets = array("q", islice(_runs(only(tables, b"ctts")), len(sizes) + 1))
        if len(offsets) != len(sizes) or max(offsets) >= _SIGN_BIT:  # negative offsets
            raise UnsupportedTablesError
        pts = array("q", map(add, dts, offsets))
    shift = _edit_shift(track, movie_scale, time_scale, pts)
    return SampleTable(
        stream=number,
        entry=_read_entry(only(tables, b"stsd")),
        time_base=Fraction(1, time_scale),
        dts=array("q", map(add, dts, repeat(shift))),
        pts=array("q", map(add, pts, repeat(shift))),
        durations=durations,
        are_keyframes=_read_keyframes(tables, len(sizes)),
        offsets=_read_offsets(tables, sizes, file_size),
        sizes=sizes,
    )


def _has_key_groups(tables: dict[bytes, list[memoryview]]) -> bool:
    return any(bytes(group[4:8]) in _KEY_GROUPS for group in tables.get(b"sbgp", ()))


def _numbers(data: memoryview, position: int, count: int, code: str = "I") -> "array[int]":
    """Return `count` big-endian numbers of a type of `array` at `position`."""
    numbers = array(code)
    if len(data) < position + count * numbers.itemsize:
        raise UnsupportedTablesError
    numbers.frombytes(data[position : position + count * numbers.itemsize])
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _runs(table: memoryview) -> Iterator[int]:
    """Yield the values of a table of pairs (count, value)."""
    pairs = _numbers(table, 8, 2 * unpack("I", table, 4)[0])
    return chain.from_iterable(map(repeat, pairs[1::2], pairs[::2]))


def _read_sizes(table: memoryview, max_samples: int) -> "array[int]":
    same, count = unpack("II", table, 4)
    if not 0 < count <= max_samples:
        raise UnsupportedTablesError
    sizes = array("I", [same]) * count if same else _numbers(table, 12, count)
    if not all(sizes):
        raise UnsupportedTablesError
    return sizes


def _read_keyframes(tables: dict[bytes, list[memoryview]], count: int) -> bytearray:
    table = only(tables, b"stss")
    numbers = _numbers(table, 8, unpack("I", table, 4)[0])
    is_ascending = all(map(lt, numbers, islice(numbers, 1, None)))
    if not numbers or not is_ascending or not 1 <= numbers[0] <= numbers[-1] <= count:
        raise UnsupportedTablesError
    flags = bytearray(count)
    for number in numbers:
        flags[number - 1] = 1
    return flags


def _read_offsets(tables: dict[bytes, list[memoryview]], sizes: "array[int]", file_size: int) -> "array[int]":
    """Return the position of each sample, from the positions and the sample counts of the chunks."""
    if b"co64" in tables:
        table = only(tables, b"co64")
        chunks = _numbers(table, 8, unpack("I", table, 4)[0], "Q")
    else:
        table = only(tables, b"stco")
        chunks = _numbers(table, 8, unpack("I", table, 4)[0])
    table = only(tables, b"stsc")
    runs = _numbers(table, 8, 3 * unpack("I", table, 4)[0])
    firsts, counts, entries = runs[::3], runs[1::3], runs[2::3]
    if not firsts or firsts[0] != 1 or set(entries) != {1} or not all(counts) or max(counts) > len(sizes):
        raise UnsupportedTablesError
    offsets = array("q")
    for position, first in enumerate(firsts):
        end = firsts[position + 1] if position + 1 < len(firsts) else len(chunks) + 1
        if end < first:
            raise UnsupportedTablesError
        for chunk in chunks[first - 1 : end - 1]:
            start = len(offsets)
            within = sizes[start : start + counts[position]]
            if not within or chunk + sum(within) > file_size:
                raise UnsupportedTablesError
            offsets.extend(accumulate(islice(within, len(within) - 1), initial=chunk))
    if len(offsets) != len(sizes):
        raise UnsupportedTablesError
    return offsets


def _edit_shift(
    track: dict[bytes, list[memoryview]], movie_scale: int, time_scale: int, pts: "array[int]"
) -> int:
    """Return the number that the edit adds to all timestamps.

    Raises:
        UnsupportedTablesError: The edits hide or repeat frames, or change their speed.
    """
    if b"edts" not in track:
        return 0
    table = only(track, b"edts", b"elst")
    layout = "QqI" if table[0] == 1 else "IiI"
    size = 20 if table[0] == 1 else 12
    edits = [unpack(layout, table, 8 + number * size) for number in range(min(3, unpack("I", table, 4)[0]))]
    delay = 0
    if len(edits) == 2 and edits[0][1] == -1:
        delay = _rescale(edits[0][0], time_scale, movie_scale)
        edits = edits[1:]
    if len(edits) != 1:
        raise UnsupportedTablesError
    duration, start, rate = edits[0]
    end = start + _rescale(duration, time_scale, movie_scale)
    if start != min(pts) or rate != 0x10000 or end <= max(pts):
        raise UnsupportedTablesError
    return delay - start


def _rescale(value: int, numerator: int, denominator: int) -> int:
    return (2 * value * numerator + denominator) // (2 * denominator)


def _read_entry(table: memoryview) -> SampleEntry:
    if unpack("I", table, 4)[0] != 1:
        raise UnsupportedTablesError
    for kind, content in split_boxes(table[8:]):
        version, width, height = (unpack("H", content, position)[0] for position in (8, 24, 26))
        if version != 0:
            raise UnsupportedTablesError
        boxes = {name: bytes(box) for name, box in split_boxes(content[_VISUAL_ENTRY_BYTES:])}
        return SampleEntry(kind, width, height, boxes)
    raise UnsupportedTablesError
