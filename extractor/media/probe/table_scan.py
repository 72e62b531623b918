"""Read the packets of a video from the tables of its container, without FFmpeg.

This saves a start of FFmpeg. It is done only for files whose tables need no interpretation; for all others,
`scan_tables` returns ``None``.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import compress
from operator import ge, lt
from typing import BinaryIO, Final

from msgspec import Struct

from extractor.domain.policy import SamplingPolicy
from extractor.media.container.byte_runs import held_bytes
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
        present = source.present
        read = read_tables if present is None else read_sample_table  # reads the movie box only
        table = read(file, source.path.stat().st_size, source.limits.max_packets)
        held = None if present is None else held_bytes(present, table.offsets, table.sizes)
        return _scan(file, table, policy, held)
    return None


def _scan(
    file: BinaryIO, table: SampleTable, policy: SamplingPolicy, held: Sequence[int] | None
) -> TableScan:
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
    unread: Sequence[int] = ()
    request = scan_request_for(entry.codec, policy)
    dependencies = _dependencies(file, table, is_whole=held is None) if request.frames else None
    if request.filters:
        roles = _roles(file, table, held)
        if held is not None:
            _check_parameters(table, roles.with_parameters)
        packets.mark_new_parameters(roles.changes)
        marks, unread = roles.marks, roles.unread
    if entry.codec in _VPX:
        are_whole = None if held is None else bytes(map(ge, held, table.sizes))
        check_frames(file.fileno(), entry.codec, table.offsets, table.are_keyframes, are_whole)
    return TableScan(packets, marks, described.stream, table, held, unread, dependencies)


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


def _roles(file: BinaryIO, table: SampleTable, held: Sequence[int] | None) -> PacketRoles:
    codec, configuration = table.entry.codec, table.entry.configuration
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
    if table.entry.has_own_parameters or not all(table.are_keyframes[number] for number in with_parameters):
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
