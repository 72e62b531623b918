"""Scan the packets of a file with FFmpeg."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field

from extractor.media.ffmpeg import command
from extractor.media.ffmpeg.command import Urls
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.input_info import InputInfo
from extractor.media.ffmpeg.log import ErrorFloodError, FFmpegLog
from extractor.media.ffmpeg.packet_list import NumberedPackets, OtherStreams, PacketListing
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import run_ffmpeg
from extractor.media.ffmpeg.stream_packets import StreamPackets
from extractor.media.probe.decode_order import EMPTY_REQUEST, PARAMETERS, ScanRequest
from extractor.media.references.av1_dependencies import Av1Dependencies, Dependencies
from extractor.media.references.ivf import IvfReader

_EXCERPT_BYTES = 1 << 16
_MAX_MESSAGES = 20_000
"""With more messages than this, it costs less to scan again without messages than to continue."""


class PacketScan(Struct, frozen=True):
    """The result of one packet scan of a video stream.

    Attributes:
        input_info: FFmpeg's description of the file.
        listing: The packets of the stream.
        log: The log of FFmpeg.
        status: The exit status of FFmpeg.
        passing: For each bitstream filter of the request, by name: one byte per packet, 1 if it passes.
        dependencies: The dependencies between frames, if requested and known.
    """

    input_info: InputInfo
    listing: StreamPackets
    log: FFmpegLog
    status: int
    passing: Mapping[str, bytes] = field(default_factory=dict)
    dependencies: Dependencies | None = None


def scan_packets(
    source: DecoderInput, budget: ProcessLimits, request: ScanRequest, *, thorough: bool = False
) -> PacketScan:
    """List the packets of a stream, and collect what `request` asks for as far as the packets can be parsed.

    Args:
        source: The file and its stream.
        budget: The limits of each run of FFmpeg.
        request: What to collect beside the listing.
        thorough: Whether FFmpeg reads as much of the file as it needs to identify the streams.

    Raises:
        DeadlineError: The deadline passed.
        DecoderHungError: FFmpeg is hung.
        TooLargeError: The stream has too many packets.
    """
    scan = _run(source, budget, request, thorough)
    if request.frames and scan.status != 0:  # FFmpeg stops at a packet that it cannot split into frames
        return _run(source, budget, EMPTY_REQUEST, thorough)
    return scan


def _run(source: DecoderInput, budget: ProcessLimits, request: ScanRequest, thorough: bool) -> PacketScan:
    """Run FFmpeg once; if it logs an error for every packet, run it again without errors."""
    try:
        return _run_once(source, budget, request, thorough, None)
    except ErrorFloodError as flood:
        return _run_once(source, budget, EMPTY_REQUEST, thorough, flood.log)


def _run_once(
    source: DecoderInput,
    budget: ProcessLimits,
    request: ScanRequest,
    thorough: bool,
    earlier_log: FFmpegLog | None,
) -> PacketScan:
    listing = PacketListing(source.limits.max_packets)
    filtered = {name: NumberedPackets() for name in request.filters}
    frames = Av1Dependencies()
    sinks: dict[str, Callable[[bytes], None]] = {"stdout": listing.feed}
    sinks |= {name: packets.feed for name, packets in filtered.items()}
    if request.frames:
        sinks["frames"] = IvfReader(frames.feed).feed

    def build(urls: Urls) -> Sequence[str]:
        return command.build_index(
            source,
            urls,
            request.filters,
            with_frames=request.frames,
            thorough=thorough,
            quiet=earlier_log is not None,
        )

    with run_ffmpeg(build, [name for name in sinks if name != "stdout"], budget) as child:
        if earlier_log is None:
            child.stderr.message_limit = _MAX_MESSAGES
        child.feed_all(sinks)
        status = child.wait()
    if PARAMETERS in filtered:
        listing.mark_new_parameters(filtered[PARAMETERS].changes)
    log = earlier_log or child.stderr
    return PacketScan(
        InputInfo.parse(log.input_lines),
        listing,
        log,
        status,
        {name: bytes(packets.marks) for name, packets in filtered.items()},
        frames.dependencies if request.frames else None,
    )


def count_packets(source: DecoderInput, budget: ProcessLimits, streams: Sequence[int]) -> Mapping[int, int]:
    """Return the number of packets of each stream."""
    listings = {str(stream): PacketListing(source.limits.max_packets) for stream in streams}

    def build(urls: Urls) -> Sequence[str]:
        return command.build_counts(source, urls)

    with run_ffmpeg(build, list(listings), budget) as child:
        child.feed_all({name: listing.feed for name, listing in listings.items()})
        child.wait()
    return {int(name): len(listing.packets) for name, listing in listings.items()}


def list_others(source: DecoderInput, budget: ProcessLimits) -> OtherStreams:
    """Return the timestamps of all audio, subtitle and data packets."""
    others = OtherStreams(source.limits.max_packets)
    with run_ffmpeg(lambda _: command.build_others(source), (), budget) as child:
        child.feed_all({"stdout": others.feed})
        child.wait()
    return others


def head_and_tail(source: DecoderInput) -> bytes:
    """Return the first and the last bytes of the file, where containers store the names of codecs."""
    with source.path.open("rb") as file:
        head = file.read(_EXCERPT_BYTES)
        file.seek(max(file.tell(), source.path.stat().st_size - _EXCERPT_BYTES))
        return head + file.read(_EXCERPT_BYTES)
