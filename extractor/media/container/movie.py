"""Read the movie box of an MP4 or MOV file: its only video track, and the places of its fragments.

Only files with one video track with one sample entry are supported.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from extractor.media.container.boxes import children, only, split_boxes, unpack
from extractor.media.container.sample_table import (
    ColourTags,
    SampleEntry,
    SeekableFile,
    UnsupportedTablesError,
)

DEMUXER: Final = "mov,mp4,m4a,3gp,3g2,mj2"
"""FFmpeg's name."""

MAX_HEADER_BYTES: Final = 1 << 26
SIGN_BIT: Final = 1 << 31
"""FFmpeg reads some unsigned numbers as signed ones."""

_MAX_TOP_LEVEL_BOXES: Final = 100_000
_KEY_GROUPS: Final = frozenset({b"rap ", b"sync"})
"""Sample groups from which FFmpeg derives keyframes as well."""
_UNSUPPORTED_TABLES: Final = frozenset({b"stps", b"senc", b"saiz", b"saio"})
"""Partial sync samples, and the tables of encrypted samples."""
_VISUAL_ENTRY_BYTES: Final = 78
_MAX_TIME_SCALE: Final = 10_000_000
_CODECS: Final[Mapping[bytes, tuple[str, bytes]]] = {
    b"avc1": ("h264", b"avcC"),
    b"hvc1": ("hevc", b"hvcC"),
    b"hev1": ("hevc", b"hvcC"),
    b"vp09": ("vp9", b"vpcC"),
    b"av01": ("av1", b"av1C"),
}
"""FFmpeg's name of the codec, and the box with its configuration, by the format of the sample entry."""

Boxes = dict[bytes, list[memoryview]]


class Movie(Struct, frozen=True):
    """The movie box.

    Attributes:
        boxes: The boxes in it.
        fragments: The boxes of movie fragments, as runs of bytes of the file with their headers.
        file_size: The size of the file in bytes.
    """

    boxes: Boxes
    fragments: Sequence[range]
    file_size: int


class VideoTrack(Struct, frozen=True):
    """The only video track of a movie.

    Attributes:
        number: The number of the track, from 0.
        identifier: The number by which movie fragments refer to it.
        others: The numbers by which they refer to the other tracks.
        boxes: The boxes of the track.
        tables: The boxes of its sample table.
        movie_scale: The units of time of the movie per second.
        time_scale: The units of time of the track per second.
        entry: The description of all samples.
    """

    number: int
    identifier: int
    others: frozenset[int]
    boxes: Boxes
    tables: Boxes
    movie_scale: int
    time_scale: int
    entry: SampleEntry


def read_movie(file: SeekableFile, size: int) -> Movie:
    """Find the movie box and the fragments of a file of `size` bytes.

    Raises:
        UnsupportedTablesError: There is no movie box, several or one behind fragments, or the file is
            truncated.
    """
    position, movie, fragments = 0, None, list[range]()
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
        if length < header or position + length > size:
            raise UnsupportedTablesError
        if kind == b"moov":
            if movie or fragments or length > MAX_HEADER_BYTES:
                raise UnsupportedTablesError
            file.seek(position + header)
            movie = file.read(length - header)
        elif kind == b"moof":
            fragments.append(range(position, position + length))
        position += length
    if movie is None or position != size:
        raise UnsupportedTablesError
    return Movie(children(memoryview(movie)), fragments, size)


def video_track(movie: Movie) -> VideoTrack:
    """Return the only video track.

    Raises:
        UnsupportedTablesError: There is none, there are several, or it is not supported.
    """
    tracks = [children(content) for content in movie.boxes.get(b"trak", ())]
    videos = [
        number for number, track in enumerate(tracks) if bytes(only(track, b"mdia", b"hdlr")[8:12]) == b"vide"
    ]
    if len(videos) != 1:
        raise UnsupportedTablesError
    track = tracks[videos[0]]
    identifiers = [_number_after_times(only(track, b"tkhd")) for track in tracks]
    if len(set(identifiers)) != len(identifiers):
        raise UnsupportedTablesError
    movie_scale = _time_scale(only(movie.boxes, b"mvhd"))
    time_scale = _time_scale(only(track, b"mdia", b"mdhd"))
    tables = children(only(track, b"mdia", b"minf", b"stbl"))
    check_tables(tables)
    return VideoTrack(
        number=videos[0],
        identifier=identifiers[videos[0]],
        others=frozenset(identifiers) - {identifiers[videos[0]]},
        boxes=track,
        tables=tables,
        movie_scale=movie_scale,
        time_scale=time_scale,
        entry=_read_entry(only(tables, b"stsd")),
    )


def check_tables(tables: Boxes) -> None:
    """Check that neither encryption nor sample groups change the samples.

    Raises:
        UnsupportedTablesError: They do.
    """
    has_key_groups = any(bytes(group[4:8]) in _KEY_GROUPS for group in tables.get(b"sbgp", ()))
    if has_key_groups or tables.keys() & _UNSUPPORTED_TABLES:
        raise UnsupportedTablesError


def _number_after_times(header: memoryview) -> int:
    """Return the number that follows the times of creation and modification."""
    return unpack("I", header, 20 if unpack("B", header)[0] == 1 else 12)[0]


def _time_scale(header: memoryview) -> int:
    scale = _number_after_times(header)
    if not 0 < scale <= _MAX_TIME_SCALE:
        raise UnsupportedTablesError
    return scale


def read_edits(track: VideoTrack) -> tuple[int, int, int] | None:
    """Return the delay, the start and the duration that the edits give the track, in its units of time.

    Returns:
        The numbers; ``None`` without edits.

    Raises:
        UnsupportedTablesError: The edits repeat frames or change their speed.
    """
    if b"edts" not in track.boxes:
        return None
    table = only(track.boxes, b"edts", b"elst")
    layout = "QqI" if unpack("B", table)[0] == 1 else "IiI"
    size = 20 if unpack("B", table)[0] == 1 else 12
    edits = [unpack(layout, table, 8 + number * size) for number in range(min(3, unpack("I", table, 4)[0]))]
    delay = 0
    if len(edits) == 2 and edits[0][1] == -1:
        delay = _rescale(edits[0][0], track)
        edits = edits[1:]
    if len(edits) != 1:
        raise UnsupportedTablesError
    duration, start, rate = edits[0]
    if rate != 0x10000 or start < 0:
        raise UnsupportedTablesError
    return delay, start, _rescale(duration, track)


def _rescale(value: int, track: VideoTrack) -> int:
    return (2 * value * track.time_scale + track.movie_scale) // (2 * track.movie_scale)


def _read_entry(table: memoryview) -> SampleEntry:
    if unpack("I", table, 4)[0] != 1:
        raise UnsupportedTablesError
    for kind, content in split_boxes(table[8:]):
        version, width, height = (unpack("H", content, position)[0] for position in (8, 24, 26))
        codec, record = _CODECS.get(kind, ("", b""))
        boxes = {name: bytes(box) for name, box in split_boxes(content[_VISUAL_ENTRY_BYTES:])}
        if version != 0 or record not in boxes:
            raise UnsupportedTablesError
        colours = _read_colours(boxes.get(b"colr", b""))
        return SampleEntry(codec, width, height, boxes[record], colours, kind == b"hev1")
    raise UnsupportedTablesError


def _read_colours(box: bytes) -> ColourTags:
    if box[:3] != b"ncl" or len(box) < 10:  # "nclx" or "nclc"
        return ColourTags()
    return ColourTags(*(int.from_bytes(box[position : position + 2], "big") for position in (4, 6, 8)))
