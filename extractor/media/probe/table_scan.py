"""Read the packets of a video from the tables of its container, without FFmpeg.

This saves a start of FFmpeg. It is done only for files whose tables need no interpretation; for all others,
`scan_tables` returns ``None``.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import compress
from operator import lt
from typing import BinaryIO, Final

from msgspec import Struct

from extractor.domain.policy import SamplingPolicy
from extractor.media.container.boxes import UnsupportedTablesError
from extractor.media.container.byte_runs import held_bytes
from extractor.media.container.mp4 import SampleEntry, SampleTable, read_sample_table
from extractor.media.container.nal_units import UNIT_TYPES, PacketRoles, read_roles
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.discontinuities import JUMP_SECONDS
from extractor.media.ffmpeg.input_info import UNKNOWN, StreamInfo
from extractor.media.ffmpeg.stream_packets import StreamPackets
from extractor.media.probe.decode_order import scan_request_for
from extractor.media.references.av1_dependencies import Av1Dependencies, Dependencies
from extractor.media.references.bit_reader import UnsupportedBitstreamError
from extractor.media.references.h264_parameters import parse_sequence_parameters

_CODECS: Final[Mapping[bytes, tuple[str, bytes]]] = {
    b"avc1": ("h264", b"avcC"),
    b"hvc1": ("hevc", b"hvcC"),
    b"hev1": ("hevc", b"hvcC"),
    b"vp09": ("vp9", b"vpcC"),
    b"av01": ("av1", b"av1C"),
}
"""FFmpeg's name of the codec, and the box with its configuration, by the format of the sample entry."""

_LENGTH_BYTES_AT: Final = {"h264": 4, "hevc": 21}
"""The position in the configuration of the byte that holds the size of unit lengths."""

_MAX_PACKET_BYTES: Final = 1 << 24
_H264_BASELINE: Final = 66
_MATRICES: Final = {0: "gbr", 1: "bt709", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m"}
_DYNAMIC_RANGES: Final = frozenset({16, 18})
"""Transfer characteristics of video with high dynamic range: PQ and HLG."""


class TableScan(Struct, frozen=True):
    """The packets of the only video stream of a file.

    Attributes:
        packets: The packets.
        marks: For each filter that `decode_order` knows, by name: one byte per packet, 1 if it passes.
        stream: The stream, as far as the tables describe it: FFmpeg may describe it otherwise.
        table: The tables.
        held: For each packet of a partial file, how many bytes from its start on are there; ``None`` for a
            whole file.
        unread: The keyframes of a partial file whose parameter sets are not known.
        dependencies: The dependencies between frames, for AV1.
    """

    packets: StreamPackets
    marks: Mapping[str, bytes]
    stream: StreamInfo
    table: SampleTable
    held: Sequence[int] | None = None
    unread: Sequence[int] = ()
    dependencies: Dependencies | None = None

    def suffices(self, kept: bytes) -> bool:
        """Whether a partial file has all that the decode of some packets needs.

        The parameter sets of a keyframe count for all packets after it, so those of each keyframe before the
        last packet must be known. One that changes them is a packet that the decode needs.

        Args:
            kept: One byte per packet: 1 if it is decoded.
        """
        if self.held is None or any(map(lt, compress(self.held, kept), compress(self.table.sizes, kept))):
            return False
        return not self.unread or self.unread[0] > kept.rfind(1)


def scan_tables(source: DecoderInput, policy: SamplingPolicy) -> TableScan | None:
    """Read the packets of a file from its tables.

    Args:
        source: The file.
        policy: The sampling policy, which determines what is read of the packets.

    Returns:
        The packets; ``None`` if FFmpeg must list them.
    """
    with suppress(UnsupportedTablesError, UnsupportedBitstreamError), source.path.open("rb") as file:
        table = read_sample_table(file, source.path.stat().st_size, source.limits.max_packets)
        present = source.present
        held = None if present is None else held_bytes(present, table.offsets, table.sizes)
        return _scan(file, table, policy, held)
    return None


def _scan(
    file: BinaryIO, table: SampleTable, policy: SamplingPolicy, held: Sequence[int] | None
) -> TableScan:
    codec, configuration = _codec_of(table.entry)
    if max(table.durations) * table.time_base > JUMP_SECONDS or not table.are_keyframes[0]:
        raise UnsupportedTablesError
    if min(table.pts) < table.pts[0]:  # leading frames
        raise UnsupportedTablesError
    packets = StreamPackets(codec, table.entry.width, table.entry.height, table.time_base)
    packets.extend(table.pts, table.dts, table.durations, table.are_keyframes)
    if packets.far_times or len(packets.parts) != 1:
        raise UnsupportedTablesError
    marks: Mapping[str, bytes] = {}
    unread: Sequence[int] = ()
    request = scan_request_for(codec, policy)
    dependencies = _dependencies(file, table, is_whole=held is None) if request.frames else None
    if request.filters:
        roles = _roles(file, codec, configuration, table, held)
        if held is not None:
            _check_parameters(table, roles.with_parameters)
        packets.mark_new_parameters(roles.changes)
        marks, unread = roles.marks, roles.unread
    stream = _stream(codec, configuration, table)
    return TableScan(packets, marks, stream, table, held, unread, dependencies)


def _codec_of(entry: SampleEntry) -> tuple[str, bytes]:
    """Return FFmpeg's name of the codec, and its configuration."""
    codec, name = _CODECS.get(entry.format, ("", b""))
    configuration = entry.boxes.get(name)
    if configuration is None or len(configuration) <= _LENGTH_BYTES_AT.get(codec, 0):
        raise UnsupportedTablesError
    return codec, configuration


def _roles(
    file: BinaryIO, codec: str, configuration: bytes, table: SampleTable, held: Sequence[int] | None
) -> PacketRoles:
    if codec not in UNIT_TYPES:
        raise UnsupportedTablesError
    length_bytes = (configuration[_LENGTH_BYTES_AT[codec]] & 3) + 1
    return read_roles(
        file.fileno(), codec, length_bytes, table.offsets, table.sizes, table.are_keyframes, held
    )


def _check_parameters(table: SampleTable, with_parameters: Sequence[int]) -> None:
    """Check that only keyframes of a partial file may have parameter sets.

    Raises:
        UnsupportedTablesError: A sample entry ``hev1`` allows others to have them, or one of those that are
            there does.
    """
    if table.entry.format == b"hev1" or not all(table.are_keyframes[number] for number in with_parameters):
        raise UnsupportedTablesError


def _dependencies(file: BinaryIO, table: SampleTable, *, is_whole: bool) -> Dependencies:
    """Return the dependencies between the frames of AV1.

    Raises:
        UnsupportedTablesError: They are not known.
    """
    if not is_whole or max(table.sizes) > _MAX_PACKET_BYTES:
        raise UnsupportedTablesError
    frames = Av1Dependencies()
    for offset, size in zip(table.offsets, table.sizes, strict=True):
        frames.feed_temporal_unit(os.pread(file.fileno(), size, offset))
    if frames.dependencies is None:
        raise UnsupportedTablesError
    return frames.dependencies


def _stream(codec: str, configuration: bytes, table: SampleTable) -> StreamInfo:
    """Describe the stream by its sample entry.

    Raises:
        UnsupportedTablesError: It may be interlaced, or has a high dynamic range.
        UnsupportedBitstreamError: The sequence parameter set is damaged.
    """
    profile, transfer, matrix = "", None, None
    if codec == "h264":
        length = int.from_bytes(configuration[6:8], "big")
        if not configuration[5] & 31:
            raise UnsupportedTablesError
        parameters = parse_sequence_parameters(configuration[8 : 8 + length])
        if parameters.may_be_interlaced:
            raise UnsupportedTablesError
        profile = "Baseline" if parameters.profile == _H264_BASELINE else ""
        transfer, matrix = parameters.transfer, parameters.matrix
    colours = table.entry.boxes.get(b"colr", b"")
    if matrix is None and colours[:3] == b"ncl" and len(colours) >= 10:
        transfer, matrix = colours[7], colours[9]
    if transfer in _DYNAMIC_RANGES:
        raise UnsupportedTablesError
    return StreamInfo(
        table.stream,
        codec,
        profile=profile,
        width=table.entry.width,
        height=table.entry.height,
        pixel_format="yuv420p",
        matrix=_MATRICES.get(matrix or -1, UNKNOWN),
    )
