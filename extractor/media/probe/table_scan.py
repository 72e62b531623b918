"""Read the packets of a video from the tables of its container, without FFmpeg.

This saves a start of FFmpeg. It is done only for files whose tables need no interpretation; for all others,
`scan_tables` returns ``None``.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import compress, count
from typing import BinaryIO, Final

from msgspec import Struct

from extractor.domain.policy import SamplingPolicy
from extractor.media.container.boxes import UnsupportedTablesError
from extractor.media.container.byte_runs import present_packets
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
        present: For each packet of a partial file, whether its bytes are present; ``None`` for a whole file.
        dependencies: The dependencies between frames, for AV1.
    """

    packets: StreamPackets
    marks: Mapping[str, bytes]
    stream: StreamInfo
    table: SampleTable
    present: bytes | None = None
    dependencies: Dependencies | None = None


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
        are_present = None if present is None else present_packets(present, table.offsets, table.sizes)
        return _scan(file, table, policy, are_present)
    return None


def _scan(file: BinaryIO, table: SampleTable, policy: SamplingPolicy, present: bytes | None) -> TableScan:
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
    request = scan_request_for(codec, policy)
    dependencies = _dependencies(file, table, present) if request.frames else None
    if request.filters:
        roles = _roles(file, codec, configuration, table, present)
        if present is not None:
            _check_parameters(table, roles.with_parameters, present)
        packets.mark_new_parameters(roles.changes)
        marks = roles.marks
    return TableScan(packets, marks, _stream(codec, configuration, table), table, present, dependencies)


def _codec_of(entry: SampleEntry) -> tuple[str, bytes]:
    """Return FFmpeg's name of the codec, and its configuration."""
    codec, name = _CODECS.get(entry.format, ("", b""))
    configuration = entry.boxes.get(name)
    if configuration is None or len(configuration) <= _LENGTH_BYTES_AT.get(codec, 0):
        raise UnsupportedTablesError
    return codec, configuration


def _roles(
    file: BinaryIO, codec: str, configuration: bytes, table: SampleTable, present: bytes | None
) -> PacketRoles:
    if codec not in UNIT_TYPES:
        raise UnsupportedTablesError
    length_bytes = (configuration[_LENGTH_BYTES_AT[codec]] & 3) + 1
    return read_roles(
        file.fileno(), codec, length_bytes, table.offsets, table.sizes, table.are_keyframes, present
    )


def _check_parameters(table: SampleTable, with_parameters: Sequence[int], present: bytes) -> None:
    """Check that no present packet may need parameter sets of a packet that is not present.

    Either each keyframe has parameter sets, or the samples have none: a sample entry other than ``hev1`` then
    promises that they are in the entry (ISO/IEC 14496-15).

    Raises:
        UnsupportedTablesError: A packet may need them.
    """
    keyframes = {number for number in compress(count(), table.are_keyframes) if present[number]}
    if with_parameters and not keyframes.issubset(with_parameters):
        raise UnsupportedTablesError
    if keyframes and not with_parameters and table.entry.format == b"hev1":
        raise UnsupportedTablesError


def _dependencies(file: BinaryIO, table: SampleTable, present: bytes | None) -> Dependencies:
    """Return the dependencies between the frames of AV1.

    Raises:
        UnsupportedTablesError: They are not known.
    """
    if present is not None or max(table.sizes) > _MAX_PACKET_BYTES:
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
