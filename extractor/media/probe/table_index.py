"""Index a video by the tables of its container, and confirm the index when FFmpeg describes the file.

The index is predicted before FFmpeg runs, so that the first run already decodes. FFmpeg prints the
description of a file before it decodes: the index that follows from it must be the predicted one.
"""

from fractions import Fraction

from msgspec.structs import replace

from extractor.domain.policy import SamplingPolicy
from extractor.errors import PermanentError
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.input_info import InputInfo
from extractor.media.ffmpeg.log import FFmpegLog
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.probe.index import index_from_scan
from extractor.media.probe.packet_scan import PacketScan
from extractor.media.probe.stream_choice import candidates
from extractor.media.probe.table_scan import TableScan, scan_tables
from extractor.media.probe.video_index import VideoIndex


class UnconfirmedIndexError(Exception):
    """A predicted index is not that of the file: FFmpeg must index it."""


def predict_index(source: DecoderInput, policy: SamplingPolicy, budget: ProcessLimits) -> VideoIndex | None:
    """Index a file without FFmpeg.

    Args:
        source: The file.
        policy: The sampling policy.
        budget: The limits of FFmpeg, which `confirm_index` may need.

    Returns:
        The predicted index; ``None`` if FFmpeg must index the file.
    """
    tables = scan_tables(source, policy)
    if tables is None:
        return None
    described = InputInfo("", True, tables.table.demuxer, None, Fraction(0), (tables.stream,))
    index = _index(tables, described, FFmpegLog(), source, budget)
    return None if index is None or index.truncated else replace(index, tables=tables)


def confirm_index(
    predicted: VideoIndex, log: FFmpegLog, source: DecoderInput, budget: ProcessLimits
) -> VideoIndex:
    """Return the index of a file that FFmpeg has described.

    Its signal format may differ from that of the predicted index; all that decides which packets must be
    decoded is the same.

    Args:
        predicted: The predicted index.
        log: The log of FFmpeg.
        source: The file.
        budget: The limits of FFmpeg.

    Raises:
        UnconfirmedIndexError: The predicted index is wrong.
    """
    assert predicted.tables is not None
    described = InputInfo.parse(log.input_lines)
    stream, expected = described.first, predicted.tables.stream
    if (
        described.container != predicted.tables.table.demuxer
        or stream is None
        or len(candidates(described)) != 1
    ):
        raise UnconfirmedIndexError
    if (stream.index, stream.codec) != (expected.index, expected.codec):
        raise UnconfirmedIndexError
    if (stream.width, stream.height) != (expected.width, expected.height):
        raise UnconfirmedIndexError
    index = _index(predicted.tables, described, log, source, budget)
    if index is None or _facts(index) != _facts(predicted):
        raise UnconfirmedIndexError
    return index


def _index(
    tables: TableScan, described: InputInfo, log: FFmpegLog, source: DecoderInput, budget: ProcessLimits
) -> VideoIndex | None:
    scan = PacketScan(described, tables.packets, log, 0, tables.marks, tables.dependencies)
    try:
        index = index_from_scan(scan, source, budget, with_order=True)
    except PermanentError:  # the run for the index alone gives a better error
        return None
    return index and replace(index, from_tables=True)


def _facts(index: VideoIndex) -> tuple[object, ...]:
    """Return what a schedule follows from, beside the packets."""
    return (
        index.order is None,
        index.picture.interlaced,
        index.duration_seconds,
        index.frame_count,
        index.truncated,
        index.discontinuities,
    )
