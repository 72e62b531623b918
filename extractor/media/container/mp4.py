"""Read the sample table of an MP4 or MOV file without fragments. Pure, except for the reads of the file.

Only files whose timestamps follow from the tables without interpretation are supported, with at most one
edit, which shows the track from its first frame to its end.
"""

from array import array
from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate, chain, islice, repeat
from operator import add, lt

from extractor.media.container.boxes import only, unpack, unpack_array
from extractor.media.container.movie import (
    DEMUXER,
    SIGN_BIT,
    Boxes,
    Movie,
    VideoTrack,
    read_edits,
    read_movie,
    video_track,
)
from extractor.media.container.sample_table import SampleTable, SeekableFile, UnsupportedTablesError


def read_sample_table(file: SeekableFile, size: int, max_samples: int) -> SampleTable:
    """Read the sample table of the only video track of a file without fragments.

    Args:
        file: The file.
        size: Its size in bytes.
        max_samples: The limit of samples.

    Raises:
        UnsupportedTablesError: The file is not supported.
    """
    return sample_table(read_movie(file, size), max_samples)


def sample_table(movie: Movie, max_samples: int) -> SampleTable:
    """Return the sample table of the only video track of a movie without fragments.

    Args:
        movie: The movie.
        max_samples: The limit of samples.

    Raises:
        UnsupportedTablesError: The file is not supported.
    """
    if b"mvex" in movie.boxes or movie.fragments:
        raise UnsupportedTablesError
    track = video_track(movie)
    tables = track.tables
    sizes = _read_sizes(only(tables, b"stsz"), max_samples)
    durations = array("q", islice(_runs(only(tables, b"stts")), len(sizes) + 1))
    if len(durations) != len(sizes) or not all(durations) or max(durations) >= SIGN_BIT:
        raise UnsupportedTablesError
    if track.entry.codec == "vp9" and min(durations) != max(durations):  # FFmpeg uses the frame rate instead
        raise UnsupportedTablesError
    dts = array("q", accumulate(islice(durations, len(durations) - 1), initial=0))
    pts = dts
    if b"ctts" in tables:
        offsets = array("q", islice(_runs(only(tables, b"ctts")), len(sizes) + 1))
        if len(offsets) != len(sizes) or max(offsets) >= SIGN_BIT:  # negative offsets
            raise UnsupportedTablesError
        pts = array("q", map(add, dts, offsets))
    shift = _edit_shift(track, pts)
    return SampleTable(
        demuxer=DEMUXER,
        stream=track.number,
        entry=track.entry,
        time_base=Fraction(1, track.time_scale),
        dts=array("q", map(add, dts, repeat(shift))),
        pts=array("q", map(add, pts, repeat(shift))),
        durations=durations,
        are_keyframes=_read_keyframes(tables, len(sizes)),
        offsets=_read_offsets(tables, sizes, movie.file_size),
        sizes=sizes,
    )


def _runs(table: memoryview) -> Iterator[int]:
    """Yield the values of a table of pairs (count, value)."""
    pairs = unpack_array(table, 8, 2 * unpack("I", table, 4)[0])
    return chain.from_iterable(map(repeat, pairs[1::2], pairs[::2]))


def _read_sizes(table: memoryview, max_samples: int) -> "array[int]":
    same, count = unpack("II", table, 4)
    if not 0 < count <= max_samples:
        raise UnsupportedTablesError
    sizes = array("I", [same]) * count if same else unpack_array(table, 12, count)
    if not all(sizes):
        raise UnsupportedTablesError
    return sizes


def _read_keyframes(tables: Boxes, count: int) -> bytearray:
    table = only(tables, b"stss")
    numbers = unpack_array(table, 8, unpack("I", table, 4)[0])
    is_ascending = all(map(lt, numbers, islice(numbers, 1, None)))
    if not numbers or not is_ascending or not 1 <= numbers[0] <= numbers[-1] <= count:
        raise UnsupportedTablesError
    flags = bytearray(count)
    for number in numbers:
        flags[number - 1] = 1
    return flags


def _read_offsets(tables: Boxes, sizes: "array[int]", file_size: int) -> "array[int]":
    """Return the position of each sample, from the positions and the sample counts of the chunks."""
    if b"co64" in tables:
        table = only(tables, b"co64")
        chunks = unpack_array(table, 8, unpack("I", table, 4)[0], "Q")
    else:
        table = only(tables, b"stco")
        chunks = unpack_array(table, 8, unpack("I", table, 4)[0])
    table = only(tables, b"stsc")
    runs = unpack_array(table, 8, 3 * unpack("I", table, 4)[0])
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


def _edit_shift(track: VideoTrack, pts: "array[int]") -> int:
    """Return the number that the edit adds to all timestamps.

    Raises:
        UnsupportedTablesError: The edit hides frames.
    """
    edit = read_edits(track)
    if edit is None:
        return 0
    delay, start, duration = edit
    if start != min(pts) or start + duration <= max(pts):
        raise UnsupportedTablesError
    return delay - start
