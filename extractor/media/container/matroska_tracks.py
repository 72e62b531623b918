"""Read the only video track from the element ``Tracks`` of a Matroska or WebM file.

RFC 9559, 5.1.4.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from extractor.media.container.ebml import EbmlReader, Element
from extractor.media.container.sample_table import ColourTags, SampleEntry, UnsupportedTablesError

_TRACK, _NUMBER, _TYPE, _CODEC, _CONFIGURATION = 0xAE, 0xD7, 0x83, 0x86, 0x63A2
_DEFAULT_DURATION, _CODEC_DELAY, _TIMESTAMP_SCALE = 0x23E383, 0x56AA, 0x23314F
_ENCODINGS, _OPERATION = 0x6D80, 0xE2
_VIDEO, _WIDTH, _HEIGHT, _INTERLACED, _STEREO, _ALPHA = 0xE0, 0xB0, 0xBA, 0x9A, 0x53B8, 0x53C0
_CROPS: Final = (0x54AA, 0x54BB, 0x54CC, 0x54DD)
_COLOUR, _MATRIX, _TRANSFER, _PRIMARIES = 0x55B0, 0x55B1, 0x55BA, 0x55BB
_IS_INTERLACED: Final = 1
_UNSPECIFIED: Final = 2

_VIDEO_TYPE: Final = 1
_TYPES: Final = frozenset({_VIDEO_TYPE, 2, 17})
"""Video, audio and subtitles: each such track is a stream of FFmpeg."""

_CODECS: Final[Mapping[bytes, str]] = {
    b"V_VP8": "vp8",
    b"V_VP9": "vp9",
    b"V_AV1": "av1",
    b"V_MPEG4/ISO/AVC": "h264",
    b"V_MPEGH/ISO/HEVC": "hevc",
}
"""FFmpeg's name of the codec, by that of Matroska."""

_MAX_STRING_BYTES: Final = 1 << 8
_MAX_CONFIGURATION_BYTES: Final = 1 << 20


class VideoTrack(Struct, frozen=True):
    """The only video track.

    Attributes:
        stream: The number of the track, from 0.
        number: The number by which blocks refer to it.
        others: The numbers of all other tracks.
        frame_nanoseconds: The default duration of a frame; 0 if unknown.
        entry: The description of the packets.
    """

    stream: int
    number: int
    others: frozenset[int]
    frame_nanoseconds: int
    entry: SampleEntry


def read_video_track(reader: EbmlReader, tracks: Element) -> VideoTrack:
    """Read the only video track.

    Raises:
        UnsupportedTablesError: There is none, there are several, or it is not supported.
    """
    found = [_elements(reader, track) for track in reader.children(tracks) if track.identifier == _TRACK]
    numbers, video = list[int](), None
    for stream, track in enumerate(found):
        values = _numbers(reader, track, {_NUMBER: 0, _TYPE: 0})
        numbers.append(values[_NUMBER])
        if values[_TYPE] not in _TYPES or _CODEC not in track or (video and values[_TYPE] == _VIDEO_TYPE):
            raise UnsupportedTablesError
        if values[_TYPE] == _VIDEO_TYPE:
            video = stream, track
    if video is None or len(set(numbers)) != len(numbers):
        raise UnsupportedTablesError
    stream, track = video
    values = _numbers(reader, track, {_DEFAULT_DURATION: 0, _CODEC_DELAY: 0})
    if values[_CODEC_DELAY] or track.keys() & {_TIMESTAMP_SCALE, _ENCODINGS, _OPERATION}:
        raise UnsupportedTablesError
    return VideoTrack(
        stream=stream,
        number=numbers[stream],
        others=frozenset(numbers) - {numbers[stream]},
        frame_nanoseconds=values[_DEFAULT_DURATION],
        entry=_read_entry(reader, track),
    )


def read_numbers(reader: EbmlReader, parent: Element, defaults: Mapping[int, int]) -> dict[int, int]:
    """Return the unsigned numbers in an element.

    Args:
        reader: The reader.
        parent: The element.
        defaults: The default of each number, by identifier.

    Raises:
        UnsupportedTablesError: A number comes twice, or is longer than 8 bytes.
    """
    return _numbers(reader, _elements(reader, parent), defaults)


def _numbers(
    reader: EbmlReader, elements: Mapping[int, Element], defaults: Mapping[int, int]
) -> dict[int, int]:
    return {
        identifier: int.from_bytes(reader.content(elements[identifier], 8), "big")
        if identifier in elements
        else default
        for identifier, default in defaults.items()
    }


def _elements(reader: EbmlReader, parent: Element) -> dict[int, Element]:
    """Return the elements in an element by identifier."""
    return _unique(reader.children(parent))


def _unique(elements: Iterable[Element]) -> dict[int, Element]:
    found: dict[int, Element] = {}
    for element in elements:
        if found.setdefault(element.identifier, element) is not element and element.identifier not in _MANY:
            raise UnsupportedTablesError
    return found


_MANY: Final = frozenset({0xEC, 0x41E4})
"""Elements that may come several times: voids, and descriptions of additions to blocks."""


def _read_entry(reader: EbmlReader, track: Mapping[int, Element]) -> SampleEntry:
    codec = _CODECS.get(reader.content(track[_CODEC], _MAX_STRING_BYTES).rstrip(b"\0"))
    if codec is None or _VIDEO not in track:
        raise UnsupportedTablesError
    video = _elements(reader, track[_VIDEO])
    unsupported = _numbers(reader, video, dict.fromkeys((_STEREO, _ALPHA, *_CROPS), 0))
    values = _numbers(reader, video, {_WIDTH: 0, _HEIGHT: 0, _INTERLACED: 0})
    if any(unsupported.values()) or values[_INTERLACED] == _IS_INTERLACED:
        raise UnsupportedTablesError
    record = track.get(_CONFIGURATION)
    return SampleEntry(
        codec,
        values[_WIDTH],
        values[_HEIGHT],
        reader.content(record, _MAX_CONFIGURATION_BYTES) if record else b"",
        _read_colours(reader, video[_COLOUR]) if _COLOUR in video else ColourTags(),
        has_own_parameters=True,
    )


def _read_colours(reader: EbmlReader, element: Element) -> ColourTags:
    tags = (_PRIMARIES, _TRANSFER, _MATRIX)
    values = read_numbers(reader, element, dict.fromkeys(tags, _UNSPECIFIED))
    return ColourTags(*(None if values[tag] == _UNSPECIFIED else values[tag] for tag in tags))
