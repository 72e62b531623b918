"""Read the blocks of a Matroska or WebM file. Pure, except for the reads of the file.

RFC 9559. Only files whose packets follow from the blocks without interpretation are supported: one video
track without lacing, encodings and hidden parts, and with a default duration of its frames.
"""

from array import array
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from extractor.media.container.ebml import EbmlReader, Element, read_number
from extractor.media.container.matroska_tracks import VideoTrack, read_numbers, read_video_track
from extractor.media.container.sample_table import SampleTable, SeekableFile, UnsupportedTablesError

DEMUXER: Final = "matroska,webm"
"""FFmpeg's name."""

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_DOCUMENT_TYPE, _MAX_ID_LENGTH, _MAX_SIZE_LENGTH = 0x4282, 0x42F2, 0x42F3
_INFO, _TRACKS, _CLUSTER = 0x1549A966, 0x1654AE6B, 0x1F43B675
_VOID, _CRC = 0xEC, 0xBF
_IGNORED: Final = frozenset({0x114D9B74, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367, _VOID, _CRC})
"""Seek heads, cues, attachments, chapters and tags."""

_TIMESTAMP_SCALE: Final = 0x2AD7B1
_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK_GROUP = 0xE7, 0xA3, 0xA0
_IGNORED_IN_CLUSTERS: Final = frozenset({0xA7, 0xAB, _VOID, _CRC})
"""The position, and the size of the cluster before."""

_BLOCK, _DURATION, _REFERENCE = 0xA1, 0x9B, 0xFB
_IGNORED_IN_GROUPS: Final = frozenset({_VOID, _CRC})
_LACING: Final = 0x06
_KEYFRAME: Final = 0x80
_NANOSECONDS: Final = 1_000_000_000
_MAX_TIME: Final = 1 << 52
_MAX_SIZE: Final = 1 << 31


def read_matroska(file: SeekableFile, size: int, max_samples: int) -> SampleTable:
    """Read the packets of the only video track.

    Args:
        file: The file.
        size: Its size in bytes.
        max_samples: The limit of packets.

    Raises:
        UnsupportedTablesError: The file is not supported.
    """
    reader = EbmlReader(file, _SEGMENT)
    document = list(_limited(reader, 0, size))
    if [element.identifier for element in document] != [_EBML, _SEGMENT]:
        raise UnsupportedTablesError
    _check_document(reader, document[0])
    scale, track, blocks = 0, None, None
    for element in reader.children(document[1]):
        kind = element.identifier
        if kind == _CLUSTER and blocks is not None:
            blocks.read_cluster(element)
        elif kind == _INFO and not scale:
            scale = read_numbers(reader, element, {_TIMESTAMP_SCALE: 1_000_000})[_TIMESTAMP_SCALE]
        elif kind == _TRACKS and track is None:
            track = read_video_track(reader, element)
        elif kind not in _IGNORED:
            raise UnsupportedTablesError
        if blocks is None and track and 0 < scale <= _NANOSECONDS:
            blocks = _Blocks(reader, track, track.frame_nanoseconds // scale, max_samples)
    if track is None or blocks is None:
        raise UnsupportedTablesError
    return blocks.table(Fraction(scale, _NANOSECONDS))


def _limited(reader: EbmlReader, start: int, end: int) -> Sequence[Element]:
    """Return the elements of a file, which are two."""
    found = list[Element]()
    for element in reader.elements(start, end):
        found.append(element)
        if len(found) > 2:
            raise UnsupportedTablesError
    return found


def _check_document(reader: EbmlReader, header: Element) -> None:
    lengths = read_numbers(reader, header, {_MAX_ID_LENGTH: 4, _MAX_SIZE_LENGTH: 8})
    kinds = [
        reader.content(element, 16)
        for element in reader.children(header)
        if element.identifier == _DOCUMENT_TYPE
    ]
    if kinds not in ([b"matroska"], [b"webm"]) or tuple(lengths.values()) != (4, 8):
        raise UnsupportedTablesError


class _Blocks:
    """The blocks of the video track that are read so far, as columns."""

    def __init__(self, reader: EbmlReader, track: VideoTrack, duration: int, max_samples: int) -> None:
        self._reader, self._track = reader, track
        self._duration = duration
        self._max_samples = max_samples
        self._pts, self._durations = array("q"), array("q")
        self._are_keyframes = bytearray()
        self._offsets, self._sizes = array("q"), array("I")

    def read_cluster(self, cluster: Element) -> None:
        """Read the blocks of a cluster.

        Raises:
            UnsupportedTablesError: A block is not supported, or has no timestamp.
        """
        start = None
        for element in self._reader.children(cluster):
            kind = element.identifier
            if kind == _SIMPLE_BLOCK:
                self._read_block(element, start, None, ())
            elif kind == _BLOCK_GROUP:
                self._read_group(element, start)
            elif kind == _TIMESTAMP and start is None:
                start = int.from_bytes(self._reader.content(element, 8), "big")
            elif kind not in _IGNORED_IN_CLUSTERS:
                raise UnsupportedTablesError

    def _read_group(self, group: Element, start: int | None) -> None:
        found: dict[int, Element] = {}
        for element in self._reader.children(group):
            if element.identifier in found and element.identifier != _REFERENCE:
                raise UnsupportedTablesError
            found[element.identifier] = element
        if _BLOCK not in found:
            raise UnsupportedTablesError
        unknown = found.keys() - _IGNORED_IN_GROUPS - {_BLOCK, _DURATION, _REFERENCE}
        duration = found.get(_DURATION)
        lasting = int.from_bytes(self._reader.content(duration, 8), "big") if duration else 0
        self._read_block(found[_BLOCK], start, (_REFERENCE not in found, lasting), unknown)

    def _read_block(
        self,
        block: Element,
        start: int | None,
        of_group: tuple[bool, int] | None,
        unknown: Sequence[int] | frozenset[int] | set[int],
    ) -> None:
        """Add a block, if it belongs to the video track.

        Args:
            block: The block.
            start: The timestamp of the cluster.
            of_group: Whether it is a keyframe, and its duration; ``None`` for a simple block.
            unknown: The unsupported elements of its group.
        """
        head = block.head
        number, position = read_number(head, 0)
        if number != self._track.number:
            if number not in self._track.others:
                raise UnsupportedTablesError
            return
        first = block.start + position + 3
        size = block.end - first
        if start is None or unknown or not 0 < size < _MAX_SIZE or len(self._pts) >= self._max_samples:
            raise UnsupportedTablesError
        relative = int.from_bytes(head[position : position + 2], "big", signed=True)
        flags = head[position + 2]
        if flags & _LACING or not 0 <= start + relative < _MAX_TIME:
            raise UnsupportedTablesError
        is_keyframe, duration = of_group or (bool(flags & _KEYFRAME), 0)
        self._pts.append(start + relative)
        self._durations.append(duration or self._duration)
        self._are_keyframes.append(is_keyframe)
        self._offsets.append(first)
        self._sizes.append(size)

    def table(self, time_base: Fraction) -> SampleTable:
        """Return the table of all blocks.

        Raises:
            UnsupportedTablesError: There are none, or their durations are not known.
        """
        if not self._pts or not all(self._durations) or max(self._durations) >= _MAX_TIME:
            raise UnsupportedTablesError
        return SampleTable(
            demuxer=DEMUXER,
            stream=self._track.stream,
            entry=self._track.entry,
            time_base=time_base,
            pts=self._pts,
            durations=self._durations,
            are_keyframes=self._are_keyframes,
            offsets=self._offsets,
            sizes=self._sizes,
        )
