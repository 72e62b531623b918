"""One run of FFmpeg over the packets of a file, and all that it tells."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field

from extractor.media.ffmpeg import command
from extractor.media.ffmpeg.command import DecoderInput, Urls
from extractor.media.ffmpeg.input_info import InputInfo
from extractor.media.ffmpeg.log import ErrorFloodError, FFmpegLog
from extractor.media.ffmpeg.packet_list import NumberedPackets, OtherStreams, PacketListing
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import run_ffmpeg
from extractor.media.probe.decode_order import EMPTY_REQUEST, PARAMETERS, ScanRequest
from extractor.media.references.av1_dependencies import Av1Dependencies, Dependencies
from extractor.media.references.ivf import IvfReader

_EXCERPT_BYTES = 1 << 16
_MAX_MESSAGES = 20_000
"""From here on it costs less to list the packets anew than to read on."""


class PacketScan(Struct, frozen=True):
    """What one run of FFmpeg over the packets of a video stream told.

    Attributes:
        header: What FFmpeg said of the file.
        listing: The packets of the stream.
        said: All that FFmpeg said.
        status: FFmpeg's exit status.
        passing: For each bitstream filter that was asked about, by name: for each packet a byte, 1 if it
            passes.
        dependencies: Those between frames, if they were asked for and are known.
    """

    header: InputInfo
    listing: PacketListing
    said: FFmpegLog
    status: int
    passing: Mapping[str, bytes] = field(default_factory=dict)
    dependencies: Dependencies | None = None


def scan_packets(
    source: DecoderInput, budget: ProcessLimits, asked: ScanRequest, *, thorough: bool = False
) -> PacketScan:
    """List the packets, and answer the questions as far as the file lets itself be taken apart.

    Args:
        source: The file and its stream.
        budget: What FFmpeg may use.
        asked: The questions.
        thorough: Whether FFmpeg looks into the whole file, if need be, to learn what the streams are.
    """
    found = _run(source, budget, asked, thorough)
    if asked.frames and found.status != 0:  # one that cannot be told from the next ends everything
        return _run(source, budget, EMPTY_REQUEST, thorough)
    return found


def _run(source: DecoderInput, budget: ProcessLimits, asked: ScanRequest, thorough: bool) -> PacketScan:
    """Run FFmpeg once; where it reports an error for every packet, once more without reports."""
    try:
        return _run_once(source, budget, asked, thorough, None)
    except ErrorFloodError as flood:
        return _run_once(source, budget, EMPTY_REQUEST, thorough, flood.said)


def _run_once(
    source: DecoderInput,
    budget: ProcessLimits,
    asked: ScanRequest,
    thorough: bool,
    said_before: FFmpegLog | None,
) -> PacketScan:
    listing = PacketListing(source.limits.max_packets)
    filtered = {name: NumberedPackets() for name in asked.filters}
    frames = Av1Dependencies()
    sinks: dict[str, Callable[[bytes], None]] = {"stdout": listing.feed}
    sinks |= {name: packets.feed for name, packets in filtered.items()}
    if asked.frames:
        sinks["frames"] = IvfReader(frames.feed).feed

    def build(urls: Urls) -> Sequence[str]:
        return command.build_index(
            source,
            urls,
            asked.filters,
            with_frames=asked.frames,
            thorough=thorough,
            quiet=said_before is not None,
        )

    with run_ffmpeg(build, [name for name in sinks if name != "stdout"], budget) as child:
        if said_before is None:
            child.stderr.message_limit = _MAX_MESSAGES
        child.feed_all(sinks)
        status = child.wait()
    if PARAMETERS in filtered:
        listing.mark_new_parameters(filtered[PARAMETERS].changes)
    said = said_before or child.stderr
    return PacketScan(
        InputInfo.parse(said.facts),
        listing,
        said,
        status,
        {name: bytes(packets.marks) for name, packets in filtered.items()},
        frames.dependencies if asked.frames else None,
    )


def count_packets(source: DecoderInput, budget: ProcessLimits, streams: Sequence[int]) -> Mapping[int, int]:
    """How many packets each of the streams has."""
    listings = {str(stream): PacketListing(source.limits.max_packets) for stream in streams}

    def build(urls: Urls) -> Sequence[str]:
        return command.build_counts(source, urls)

    with run_ffmpeg(build, list(listings), budget) as child:
        child.feed_all({name: listing.feed for name, listing in listings.items()})
        child.wait()
    return {int(name): len(listing.packets) for name, listing in listings.items()}


def list_others(source: DecoderInput, budget: ProcessLimits) -> OtherStreams:
    """When the packets of all streams but video are shown."""
    others = OtherStreams(source.limits.max_packets)
    with run_ffmpeg(lambda _: command.build_others(source), (), budget) as child:
        child.feed_all({"stdout": others.feed})
        child.wait()
    return others


def head_and_tail(source: DecoderInput) -> bytes:
    """The beginning and the end of the file, where containers name their codecs."""
    with source.path.open("rb") as file:
        head = file.read(_EXCERPT_BYTES)
        file.seek(max(file.tell(), source.path.stat().st_size - _EXCERPT_BYTES))
        return head + file.read(_EXCERPT_BYTES)
