"""The packet index: what a file holds, learnt without decoding it.

FFmpeg copies the packets of a video stream into a listing. From it and from what FFmpeg says of the input
follow which stream is meant, its description, its true times, whether the file was cut off, and what its
packets mean to a decoder.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from itertools import islice
from operator import eq, gt

from msgspec.structs import replace

from extractor.domain.frames import ClockChange
from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg import formats
from extractor.media.ffmpeg.command import DecoderInput
from extractor.media.ffmpeg.discontinuities import (
    Discontinuity,
    Part,
    corrected,
    corrected_end,
    correction_filter,
    find_discontinuities,
)
from extractor.media.ffmpeg.filters import SignalFormat, signal_format
from extractor.media.ffmpeg.input_info import InputInfo, StreamInfo
from extractor.media.ffmpeg.packet_list import OtherStreams, PacketListing
from extractor.media.ffmpeg.packets import NO_PTS, PacketTable
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.stray_timestamps import find_strays, with_strays
from extractor.media.probe.appended_files import unread_bytes
from extractor.media.probe.completeness import MEASURED_DURATION, goes_beyond, is_cut_off, lacking_seconds
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
from extractor.media.probe.refusals import refuse_unreadable
from extractor.media.probe.stream_choice import candidates, choose
from extractor.media.references.required_packets import DecodeOrder

_MPEG_CLOCK = 1 << 33


@dataclass(frozen=True, slots=True)
class VideoIndex:
    """A video stream.

    Attributes:
        ffmpeg_version: What FFmpeg calls itself.
        container: FFmpeg's name of the demuxer.
        stream: The number of the stream in the file.
        codec: FFmpeg's name of the codec.
        width: In pixels, before rotation.
        height: Likewise.
        rotation_degrees: Of the display matrix.
        hdr: ``pq``, ``hlg``, ``dolby-vision-<profile>`` or ``None``.
        pixel_format: FFmpeg's name of the pixel format.
        picture: What filters must know of the frames.
        packets: All packets, with corrected times.
        order: What the packets mean to a decoder; ``None`` where that is not sure.
        shown_pts: The times of all frames that are shown, ascending; empty without usable times.
        frame_count: How many frames are shown.
        duration_seconds: From the first frame to the end of the last one.
        expected_seconds: Longer than `duration_seconds` only if the file was cut off.
        claimed_seconds: How long the header claims that the file is, where nothing in the file bears it out.
        truncated: Whether the file was cut off.
        unread_bytes: How many bytes at its end belong to another file, which FFmpeg does not read.
        discontinuities: Where the clock of the file restarts or jumps.
        correction: The bitstream filter that makes its times go on there.
        container_start_seconds: The container's time of the first packet of any stream.
    """

    ffmpeg_version: str
    container: str
    stream: int
    codec: str
    width: int
    height: int
    rotation_degrees: float
    hdr: str | None
    pixel_format: str
    picture: SignalFormat
    packets: PacketTable = field(repr=False)
    order: DecodeOrder | None = field(repr=False)
    shown_pts: Sequence[int] = field(repr=False)
    frame_count: int
    duration_seconds: float
    expected_seconds: float
    claimed_seconds: float | None
    truncated: bool
    discontinuities: tuple[ClockChange, ...] = ()
    correction: str | None = None
    container_start_seconds: float = 0.0
    unread_bytes: int = 0

    @property
    def time_base(self) -> Fraction:
        return self.packets.time_base

    @property
    def first_pts(self) -> int | None:
        return self.shown_pts[0] if self.shown_pts else None

    @property
    def start_seconds(self) -> float:
        return float((self.first_pts or 0) * self.time_base)

    @property
    def frames_with_shared_times(self) -> int:
        """How many frames are to be shown at the time of the one before. They cannot be asked for."""
        return sum(map(eq, self.shown_pts, islice(self.shown_pts, 1, None)))

    @property
    def frame_rate(self) -> float:
        """Frames per second, on average; 0 if the duration is unknown."""
        return self.frame_count / self.duration_seconds if self.duration_seconds > 0 else 0.0

    @property
    def matrix(self) -> str | None:
        """The matrix by which luma and chroma are read; ``None`` where there is no chroma."""
        return self.picture.colours.matrix

    @property
    def matrix_assumed(self) -> bool:
        """Whether the file does not say which matrix that is."""
        return self.picture.colours.is_assumed

    @property
    def interlaced(self) -> bool:
        """Whether the header, or any frame met, says that frames consist of two fields."""
        return self.picture.interlaced

    @property
    def has_parameters_between_keyframes(self) -> bool:
        """Whether a packet that is no keyframe changes what the decoder knows of the stream."""
        return any(map(gt, self.packets.have_new_parameters, self.packets.are_keyframes))

    def select(self, source: DecoderInput) -> DecoderInput:
        """The file with this stream chosen and its times corrected."""
        return replace(source, stream=str(self.stream), correction=self.correction)


def read_index(source: DecoderInput, budget: ProcessLimits, policy: SamplingPolicy) -> VideoIndex:
    """Index the file, as far as `policy` needs it. Raises the `ExtractorError` that says why it cannot be
    decoded."""
    # A right guess makes one pass tell everything; a wrong one costs another pass.
    asked = scan_request_for(formats.likely_codec(head_and_tail(source)), policy)
    found = scan_packets(source, budget, asked)
    if found.said.matches(UNSUPPORTED):
        asked = EMPTY_REQUEST
        found = scan_packets(source, budget, asked)
    stream = _chosen_stream(found, source, budget)
    if stream is not None and stream != found.header.first:
        source = replace(source, stream=str(stream.index))
        asked = scan_request_for(stream.codec, policy)
        found = scan_packets(source, budget, asked)
    refuse_unreadable(found, stream, source)
    assert stream is not None
    codec = found.listing.codec
    is_unknown = not found.listing.width * found.listing.height  # it begins late in the file
    if is_unknown or scan_request_for(codec, policy) != asked:
        found = scan_packets(source, budget, scan_request_for(codec, policy), thorough=is_unknown)
        stream = found.header.stream(stream.index)
    order = None
    if not (found.said.matches(DAMAGED) or _needs_every_frame(found.header, stream)):
        order = infer_decode_order(codec, found.listing.packets, found.passing, found.dependencies)
    if order is not None and _hides_reordering(found, stream, order):
        order = None
    return _describe(found, stream, order, source, budget)


def index_of(found: PacketScan, source: DecoderInput, budget: ProcessLimits) -> VideoIndex | None:
    """The index that a pass over all packets amounts to, but for their order; ``None`` if another stream is
    meant, or nothing can be said of this one. Raises as `read_index`."""
    stream = _chosen_stream(found, source, budget)
    if stream is None or stream != found.header.first or not found.listing.width:
        return None
    refuse_unreadable(found, stream, source)
    return _describe(found, stream, None, source, budget)


def _chosen_stream(found: PacketScan, source: DecoderInput, budget: ProcessLimits) -> StreamInfo | None:
    """The stream that is meant; ``None`` if the file has no video."""
    streams = candidates(found.header)
    if len(streams) < 2:
        return streams[0] if streams else None
    return choose(streams, count_packets(source, budget, [stream.index for stream in streams]))


def _describe(
    found: PacketScan,
    stream: StreamInfo,
    order: DecodeOrder | None,
    source: DecoderInput,
    budget: ProcessLimits,
) -> VideoIndex:
    header, listing = found.header, found.listing
    others = cache(lambda: list_others(source, budget))
    parts, clock = _clock(found, others)
    picture = signal_format(stream, listing.width, listing.height)
    chosen = replace(source, stream=str(stream.index), correction=correction_filter(clock))
    packets = without_leading_frames(_on_one_clock(listing, parts, clock), chosen, picture, budget)
    shown = packets.shown_pts
    first = shown[0] if shown else listing.parts[0].start_pts
    duration = _duration(found, packets.end_pts, first, all_have_times=bool(shown))
    truncated = is_cut_off(found, source)
    lacking = Fraction(0) if clock else lacking_seconds(found)
    claims_more = not truncated and goes_beyond(lacking, found, others)
    return VideoIndex(
        ffmpeg_version=header.version,
        container=header.container,
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
        expected_seconds=float(duration + lacking) if truncated else float(duration),
        claimed_seconds=float(duration + lacking) if claims_more else None,
        truncated=truncated,
        discontinuities=tuple(_in_seconds(change, first or 0, packets.time_base, header) for change in clock),
        correction=chosen.correction,
        container_start_seconds=float(header.start),
        unread_bytes=unread_bytes(source.path, header.container),
    )


def _clock(found: PacketScan, others: Callable[[], OtherStreams]) -> tuple[list[Part], list[Discontinuity]]:
    """The parts of the video, and where the clock of the file restarts or jumps."""
    listing, time_base = found.listing, found.listing.packets.time_base
    parts, strays = find_strays(listing.packets.pts, listing.parts, listing.far_times or (), time_base)
    discontinuities = find_discontinuities(
        parts,
        found.header.container,
        time_base,
        lambda gap: others().has_any_between(*gap.middle),
    )
    return parts, with_strays(discontinuities, strays)


def _on_one_clock(
    listing: PacketListing, parts: Sequence[Part], clock: Sequence[Discontinuity]
) -> PacketTable:
    """The packets with corrected times."""
    return replace(
        listing.packets,
        pts=corrected(listing.packets.pts, clock, NO_PTS),
        end_pts=corrected_end(parts, clock),
    )


def _duration(
    found: PacketScan, end_pts: int | None, first_pts: int | None, *, all_have_times: bool
) -> Fraction:
    """From the first frame to the end of the last one, in seconds."""
    time_base = found.listing.packets.time_base
    duration = Fraction(0)
    if first_pts is not None and end_pts is not None:
        duration = (end_pts - first_pts) * time_base
    if all_have_times:
        return duration
    return max(duration, found.listing.ticks * time_base) or found.header.duration or duration


def _in_seconds(change: Discontinuity, first_pts: int, time_base: Fraction, header: InputInfo) -> ClockChange:
    # FFmpeg adds a turn of the 33-bit clock to times that are far before the first one.
    turn = _MPEG_CLOCK if header.container in MEASURED_DURATION else None
    after = change.pts_after % turn if turn else change.pts_after
    return ClockChange(
        *(float(pts * time_base) for pts in (change.pts - first_pts, change.pts_before, after))
    )


def _hdr(stream: StreamInfo) -> str | None:
    if stream.dolby_vision_profile is not None:
        return f"dolby-vision-{stream.dolby_vision_profile}"
    return None if stream.transfer == "sdr" else stream.transfer


def _needs_every_frame(header: InputInfo, stream: StreamInfo) -> bool:
    """Deinterlacing does, and times that are not in the container: there FFmpeg counts frames."""
    return stream.is_interlaced or header.container == "obu"


def _hides_reordering(found: PacketScan, stream: StreamInfo, order: DecodeOrder) -> bool:
    """Whether frames may be shown in another order than they are decoded, although the container gives both
    the same times: then only a decoder that sees all of them knows their times. A stream in which nothing is
    left unreferenced has no such frames, and neither has H.264's baseline profile."""
    is_suspect = not found.listing.is_reordered and not all(order.reference)
    return is_suspect and "Baseline" not in stream.profile
