"""Build the index of a video without decoding it.

FFmpeg copies the packets of the video stream to a listing. The index is derived from this listing and from
FFmpeg's description of the input: the selected stream, its properties, the corrected timestamps, whether the
file is truncated, and the role of each packet for the decoder.
"""

from fractions import Fraction
from functools import cache

from msgspec.structs import replace

from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg import formats
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.discontinuities import correction_filter
from extractor.media.ffmpeg.filters import signal_format
from extractor.media.ffmpeg.input_info import InputInfo, StreamInfo
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.probe.appended_files import unread_bytes
from extractor.media.probe.completeness import (
    exceeds_other_streams,
    is_truncated,
    missing_seconds,
)
from extractor.media.probe.decode_order import (
    DAMAGED,
    EMPTY_REQUEST,
    UNSUPPORTED,
    infer_decode_order,
    scan_request_for,
)
from extractor.media.probe.leading_frames import without_leading_frames
from extractor.media.probe.packet_scan import (
    PacketScan,
    count_packets,
    head_and_tail,
    list_others,
    scan_packets,
)
from extractor.media.probe.refusals import raise_if_unreadable
from extractor.media.probe.stream_choice import candidates, choose
from extractor.media.probe.timeline import (
    correct_timestamps,
    find_timestamp_changes,
    stream_duration,
    to_clock_change,
)
from extractor.media.probe.video_index import VideoIndex
from extractor.media.references.required_packets import DecodeOrder


def read_index(source: DecoderInput, budget: ProcessLimits, policy: SamplingPolicy) -> VideoIndex:
    """Index a file.

    Args:
        source: The file.
        budget: The limits of each run of FFmpeg.
        policy: The sampling policy, which determines what the index must contain.

    Returns:
        The index.

    Raises:
        ExtractorError: The file cannot be decoded; the type of the error is the reason.
    """
    # The codec is guessed: a wrong guess costs a second scan.
    request = scan_request_for(formats.guess_codec(head_and_tail(source)), policy)
    scan = scan_packets(source, budget, request)
    if scan.log.matches(UNSUPPORTED):
        request = EMPTY_REQUEST
        scan = scan_packets(source, budget, request)
    stream = _choose_stream(scan, source, budget)
    if stream is not None and stream != scan.input_info.first:
        source = replace(source, stream=str(stream.index))
        request = scan_request_for(stream.codec, policy)
        scan = scan_packets(source, budget, request)
    raise_if_unreadable(scan, stream, source)
    assert stream is not None
    codec = scan.listing.codec
    is_unknown = not scan.listing.width * scan.listing.height  # its parameters come late in the file
    if is_unknown or scan_request_for(codec, policy) != request:
        scan = scan_packets(source, budget, scan_request_for(codec, policy), thorough=is_unknown)
        stream = scan.input_info.stream(stream.index)
    return _build_index(scan, stream, _decode_order(scan, stream), source, budget)


def index_from_scan(
    scan: PacketScan, source: DecoderInput, budget: ProcessLimits, *, with_order: bool = False
) -> VideoIndex | None:
    """Build the index from a packet scan.

    Args:
        scan: The scan of the first video stream.
        source: The file.
        budget: The limits of further runs of FFmpeg.
        with_order: Whether the index gets the roles of the packets, for which the scan has collected all.

    Returns:
        The index; ``None`` if another stream must be selected, or the size of this one is unknown.

    Raises:
        ExtractorError: The file cannot be decoded.
    """
    stream = _choose_stream(scan, source, budget)
    if stream is None or stream != scan.input_info.first or not scan.listing.width:
        return None
    raise_if_unreadable(scan, stream, source)
    order = _decode_order(scan, stream) if with_order else None
    return _build_index(scan, stream, order, source, budget)


def _decode_order(scan: PacketScan, stream: StreamInfo) -> DecodeOrder | None:
    """Determine the roles of the packets; ``None`` if they are not known for certain."""
    if scan.log.matches(DAMAGED) or _needs_every_frame(scan.input_info, stream):
        return None
    order = infer_decode_order(scan.listing.codec, scan.listing.packets, scan.passing, scan.dependencies)
    return None if order is not None and _has_hidden_reordering(scan, stream, order) else order


def _choose_stream(scan: PacketScan, source: DecoderInput, budget: ProcessLimits) -> StreamInfo | None:
    """Select the video stream; ``None`` if the file has no video."""
    streams = candidates(scan.input_info)
    if len(streams) < 2:
        return streams[0] if streams else None
    return choose(streams, count_packets(source, budget, [stream.index for stream in streams]))


def _build_index(
    scan: PacketScan,
    stream: StreamInfo,
    order: DecodeOrder | None,
    source: DecoderInput,
    budget: ProcessLimits,
) -> VideoIndex:
    input_info, listing = scan.input_info, scan.listing
    others = cache(lambda: list_others(source, budget))
    parts, changes = find_timestamp_changes(scan, others)
    picture = signal_format(stream, listing.width, listing.height)
    selected = replace(source, stream=str(stream.index), correction=correction_filter(changes))
    packets = without_leading_frames(correct_timestamps(listing, parts, changes), selected, picture, budget)
    shown = packets.shown_pts
    first = shown[0] if shown else listing.parts[0].start_pts
    duration = stream_duration(scan, packets.end_pts, first, all_have_times=bool(shown))
    truncated = is_truncated(scan, source)
    missing = Fraction(0) if changes else missing_seconds(scan)
    exceeds = not truncated and exceeds_other_streams(missing, scan, others)
    return VideoIndex(
        ffmpeg_version=input_info.version,
        container=input_info.container,
        stream=stream.index,
        codec=listing.codec,
        width=listing.width,
        height=listing.height,
        rotation_degrees=stream.rotation_degrees,
        hdr=_hdr(stream),
        pixel_format=stream.pixel_format,
        picture=picture,
        packets=packets,
        order=order,
        shown_pts=shown,
        frame_count=len(shown) or len(packets),
        duration_seconds=float(duration),
        expected_seconds=float(duration + missing) if truncated else float(duration),
        claimed_seconds=float(duration + missing) if exceeds else None,
        truncated=truncated,
        discontinuities=tuple(
            to_clock_change(change, first or 0, packets.time_base, input_info) for change in changes
        ),
        correction=selected.correction,
        container_start_seconds=float(input_info.start),
        unread_bytes=unread_bytes(source.path, input_info.container),
    )


def _hdr(stream: StreamInfo) -> str | None:
    if stream.dolby_vision_profile is not None:
        return f"dolby-vision-{stream.dolby_vision_profile}"
    return None if stream.transfer == "sdr" else stream.transfer


def _needs_every_frame(input_info: InputInfo, stream: StreamInfo) -> bool:
    """Whether all frames must be decoded: for deinterlacing, and in OBU files, whose frames FFmpeg counts."""
    return stream.is_interlaced or input_info.container == "obu"


def _has_hidden_reordering(scan: PacketScan, stream: StreamInfo, order: DecodeOrder) -> bool:
    """Whether frames may be reordered although the container stores pts equal to dts.

    Then only a decoder that gets all frames determines their pts. Streams without non-reference pictures,
    and H.264 Baseline streams, have no reordered frames.
    """
    may_be_reordered = not scan.listing.is_reordered and not all(order.reference)
    return may_be_reordered and "Baseline" not in stream.profile
