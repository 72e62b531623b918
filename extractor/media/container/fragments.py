"""Read the sample table of a fragmented MP4 file. Pure, except for the reads of the file.

ISO/IEC 14496-12, 8.8. Only fragments that state their decoding time are supported, in files whose movie box
has no samples. Segment indexes and tables of random access are ignored.
"""

from array import array
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, repeat
from operator import add
from typing import Final

from msgspec import Struct

from extractor.media.container.boxes import children, only, unpack, unpack_array
from extractor.media.container.movie import (
    DEMUXER,
    MAX_HEADER_BYTES,
    SIGN_BIT,
    Movie,
    VideoTrack,
    check_tables,
    read_edits,
    video_track,
)
from extractor.media.container.sample_table import SampleTable, SeekableFile, UnsupportedTablesError

_IN_FRAGMENTS: Final = frozenset({b"mfhd", b"traf", b"free", b"skip"})
_HEADER_BYTES: Final = 8
_BASE_OFFSET, _DESCRIPTION, _DURATION, _SIZE, _FLAGS = 0x1, 0x2, 0x8, 0x10, 0x20
"""Fields of a track fragment header (``tfhd``)."""

_IS_EMPTY, _BASE_IS_FRAGMENT = 0x010000, 0x020000
_DATA_OFFSET, _FIRST_FLAGS = 0x1, 0x4
_SAMPLE_FIELDS: Final = (0x100, 0x200, 0x400, 0x800)
"""Fields of each sample of a run (``trun``): duration, size, flags, composition offset."""

_NOT_KEYFRAME: Final = 0x01010000
"""Flags of a sample: it depends on others, or is no sync sample."""

_MAX_TIME: Final = 1 << 52


class _Defaults(Struct, frozen=True):
    """The values of samples for which a run states none."""

    duration: int
    size: int
    flags: int


class _Columns:
    """The samples that are read so far."""

    def __init__(self, max_samples: int) -> None:
        self.max_samples = max_samples
        self.dts, self.pts, self.durations = array("q"), array("q"), array("q")
        self.are_keyframes = bytearray()
        self.offsets, self.sizes = array("q"), array("I")
        self.has_offsets = False


def fragmented_table(file: SeekableFile, movie: Movie, max_samples: int) -> SampleTable:
    """Return the sample table of the only video track of a fragmented movie.

    Args:
        file: The file.
        movie: The movie.
        max_samples: The limit of samples.

    Raises:
        UnsupportedTablesError: The file is not supported.
    """
    track = video_track(movie)
    if track.entry.codec == "vp9":  # FFmpeg splits it again, and derives the durations from the frame rate
        raise UnsupportedTablesError
    extension = [
        content for content in _track_extensions(movie) if unpack("I", content, 4)[0] == track.identifier
    ]
    if len(extension) != 1 or unpack("II", only(track.tables, b"stsz"), 4)[1]:
        raise UnsupportedTablesError
    description, duration, size, flags = unpack("4I", extension[0], 8)
    if description != 1 or sum(map(len, movie.fragments)) > MAX_HEADER_BYTES:
        raise UnsupportedTablesError
    columns = _Columns(max_samples)
    for run in movie.fragments:
        file.seek(run.start)
        fragment = memoryview(file.read(len(run)))
        _read_fragment(fragment, run, track, _Defaults(duration, size, flags), columns, movie.file_size)
    if not columns.dts:
        raise UnsupportedTablesError
    shift = _edit_shift(track, columns)
    return SampleTable(
        demuxer=DEMUXER,
        stream=track.number,
        entry=track.entry,
        time_base=Fraction(1, track.time_scale),
        dts=array("q", map(add, columns.dts, repeat(shift))),
        pts=array("q", map(add, columns.pts, repeat(shift))),
        durations=columns.durations,
        are_keyframes=columns.are_keyframes,
        offsets=columns.offsets,
        sizes=columns.sizes,
    )


def _track_extensions(movie: Movie) -> Sequence[memoryview]:
    return children(only(movie.boxes, b"mvex")).get(b"trex", [])


def _read_fragment(
    fragment: memoryview,
    run: range,
    track: VideoTrack,
    defaults: _Defaults,
    columns: _Columns,
    file_size: int,
) -> None:
    """Add the samples of a movie fragment.

    Raises:
        UnsupportedTablesError: It is not supported.
    """
    boxes = children(only(children(fragment), b"moof"))
    if boxes.keys() - _IN_FRAGMENTS or len(only(boxes, b"mfhd")) != _HEADER_BYTES or b"traf" not in boxes:
        raise UnsupportedTablesError
    parts = [children(content) for content in boxes[b"traf"]]
    identifiers = [unpack("I", only(part, b"tfhd"), 4)[0] for part in parts]
    ours = [number for number, identifier in enumerate(identifiers) if identifier == track.identifier]
    if len(ours) > 1 or not track.others.issuperset(set(identifiers) - {track.identifier}):
        raise UnsupportedTablesError
    for number in ours:
        part = parts[number]
        check_tables(part)
        base, values = _read_header(only(part, b"tfhd"), run.start, defaults, is_first=not number)
        time = only(part, b"tfdt")
        dts = unpack("Q" if unpack("B", time)[0] == 1 else "I", time, 4)[0]
        for samples in part.get(b"trun", ()):
            dts = _read_run(samples, base, dts, values, columns, file_size)


def _read_header(
    header: memoryview, start: int, defaults: _Defaults, *, is_first: bool
) -> tuple[int, _Defaults]:
    """Return the position that offsets of data refer to, and the defaults of a track fragment."""
    flags = unpack("I", header)[0]
    if flags & _IS_EMPTY or not (is_first or flags & (_BASE_OFFSET | _BASE_IS_FRAGMENT)):
        raise UnsupportedTablesError
    base, position = start, 8
    if flags & _BASE_OFFSET:
        base, position = unpack("Q", header, 8)[0], 16
    values = dict.fromkeys((_DESCRIPTION, _DURATION, _SIZE, _FLAGS), None)
    stated: dict[int, int] = {}
    for name in values:
        if flags & name:
            stated[name] = unpack("I", header, position)[0]
            position += 4
    if stated.get(_DESCRIPTION, 1) != 1:
        raise UnsupportedTablesError
    return base, _Defaults(
        stated.get(_DURATION, defaults.duration),
        stated.get(_SIZE, defaults.size),
        stated.get(_FLAGS, defaults.flags),
    )


def _read_run(
    run: memoryview, base: int, dts: int, defaults: _Defaults, columns: _Columns, file_size: int
) -> int:
    """Add the samples of a run; return the decoding time after it."""
    flags, count, offset = unpack("IIi", run)
    if not flags & _DATA_OFFSET or not count or len(columns.dts) + count > columns.max_samples:
        raise UnsupportedTablesError
    position = 12
    first_flags = None
    if flags & _FIRST_FLAGS:
        first_flags, position = unpack("I", run, 12)[0], 16
    fields = [name for name in _SAMPLE_FIELDS if flags & name]
    rows = unpack_array(run, position, count * len(fields))
    stated = {name: rows[number :: len(fields)] for number, name in enumerate(fields)}
    durations, sizes, sample_flags, composition = (
        stated.get(name, array("I", [default]) * count)
        for name, default in zip(
            _SAMPLE_FIELDS, (defaults.duration, defaults.size, defaults.flags, 0), strict=True
        )
    )
    if first_flags is not None:
        sample_flags[0] = first_flags
    start = base + offset
    _check_run(durations, sizes, composition, dts, range(start, start + sum(sizes)), columns, file_size)
    times = array("q", accumulate(durations, initial=dts))
    end = times.pop()
    columns.dts += times
    columns.pts += array("q", map(add, times, composition))
    columns.durations += array("q", durations)
    columns.sizes += sizes
    columns.offsets.extend(accumulate(sizes[:-1], initial=start))
    columns.are_keyframes += bytes(not value & _NOT_KEYFRAME for value in sample_flags)
    return end


def _check_run(
    durations: Sequence[int],
    sizes: Sequence[int],
    composition: Sequence[int],
    dts: int,
    data: range,
    columns: _Columns,
    file_size: int,
) -> None:
    largest = max(max(durations), max(sizes), max(composition))  # FFmpeg reads negative offsets
    is_later = not columns.dts or dts > columns.dts[-1]
    is_within = data.start >= 0 and data.stop <= file_size
    if not (all(durations) and all(sizes) and largest < SIGN_BIT and is_later and is_within):
        raise UnsupportedTablesError
    if dts > _MAX_TIME:
        raise UnsupportedTablesError


def _edit_shift(track: VideoTrack, columns: _Columns) -> int:
    """Return the number that the edit adds to all timestamps.

    Raises:
        UnsupportedTablesError: The edit hides frames, or may end before the last one.
    """
    edit = read_edits(track)
    if edit is None:
        return 0
    delay, start, duration = edit
    if start > min(columns.pts) or duration:
        raise UnsupportedTablesError
    return delay - start
