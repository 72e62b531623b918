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
from extractor.media.container.byte_runs import present_packets
from extractor.media.container.decoding_times import decoding_times
from extractor.media.container.mp4 import read_sample_table
from extractor.media.container.nal_units import UNIT_TYPES, PacketRoles, read_roles
from extractor.media.container.sample_table import (
    SampleEntry,
    SampleTable,
    UnsupportedTablesError,
)
from extractor.media.container.tables import read_tables
from extractor.media.container.vpx_headers import check_frames
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.discontinuities import JUMP_SECONDS
from extractor.media.ffmpeg.input_info import StreamInfo
from extractor.media.ffmpeg.stream_packets import StreamPackets
from extractor.media.probe.decode_order import scan_request_for
from extractor.media.probe.described_stream import DescribedStream, describe
from extractor.media.references.av1_dependencies import Av1Dependencies, Dependencies
from extractor.media.references.bit_reader import UnsupportedBitstreamError

_LENGTH_BYTES_AT: Final = {"h264": 4, "hevc": 21}
"""The position in the configuration of the byte that holds the size of unit lengths."""

_VPX: Final = frozenset({"vp8", "vp9"})
_MAX_PACKET_BYTES: Final = 1 << 24


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
        present = source.present
        read = read_tables if present is None else read_sample_table  # reads the movie box only
        table = read(file, source.path.stat().st_size, source.limits.max_packets)
        are_present = None if present is None else present_packets(present, table.offsets, table.sizes)
        return _scan(file, table, policy, are_present)
    return None


def _scan(file: BinaryIO, table: SampleTable, policy: SamplingPolicy, present: bytes | None) -> TableScan:
    entry = table.entry
    _check_configuration(entry)
    if max(table.durations) * table.time_base > JUMP_SECONDS or not table.are_keyframes[0]:
        raise UnsupportedTablesError
    if min(table.pts) < table.pts[0]:  # leading frames
        raise UnsupportedTablesError
    described = describe(table)
    dts = table.dts or decoding_times(table.pts, table.durations, _delay(described))
    packets = StreamPackets(entry.codec, entry.width, entry.height, table.time_base)
    packets.extend(table.pts, dts, table.durations, table.are_keyframes)
    if packets.far_times or len(packets.parts) != 1:
        raise UnsupportedTablesError
    marks: Mapping[str, bytes] = {}
    request = scan_request_for(entry.codec, policy)
    dependencies = _dependencies(file, table, present) if request.frames else None
    if request.filters:
        roles = _roles(file, table, present)
        if present is not None:
            _check_parameters(table, roles.with_parameters, present)
        packets.mark_new_parameters(roles.changes)
        marks = roles.marks
    if entry.codec in _VPX:
        check_frames(file.fileno(), entry.codec, table.offsets, table.are_keyframes, present)
    return TableScan(packets, marks, described.stream, table, present, dependencies)


def _check_configuration(entry: SampleEntry) -> None:
    """Check that the configuration is there, and that units of H.264 and HEVC have a length.

    Raises:
        UnsupportedTablesError: It is missing, or units may have start codes.
    """
    record = entry.configuration
    if entry.codec in _LENGTH_BYTES_AT and (len(record) <= _LENGTH_BYTES_AT[entry.codec] or record[0] != 1):
        raise UnsupportedTablesError


def _delay(described: DescribedStream) -> int:
    """Return the delay of decoded frames.

    Raises:
        UnsupportedTablesError: It is unknown.
    """
    if described.delay is None:
        raise UnsupportedTablesError
    return described.delay


def _roles(file: BinaryIO, table: SampleTable, present: bytes | None) -> PacketRoles:
    codec, configuration = table.entry.codec, table.entry.configuration
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
    if keyframes and not with_parameters and table.entry.has_own_parameters:
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
