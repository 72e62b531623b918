"""One run of FFmpeg over the packets of a file, and all that it tells."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field

from extractor.media.ffmpeg import command
from extractor.media.ffmpeg.command import Source, Urls
from extractor.media.ffmpeg.input_info import Header
from extractor.media.ffmpeg.log import ErrorFloodError, Stderr
from extractor.media.ffmpeg.packet_list import Listing, NumberedPackets, OtherStreams
from extractor.media.ffmpeg.pipes import Budget
from extractor.media.ffmpeg.process import running
from extractor.media.probe.decode_order import NOTHING, PARAMETERS, Questions
from extractor.media.references.av1_dependencies import Av1Dependencies, Dependencies
from extractor.media.references.ivf import IvfReader

_EXCERPT_BYTES = 1 << 16
_MAX_MESSAGES = 20_000
"""From here on it costs less to list the packets anew than to read on."""


class Pass(Struct, frozen=True):
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

    header: Header
    listing: Listing
    said: Stderr
    status: int
    passing: Mapping[str, bytes] = field(default_factory=dict)
    dependencies: Dependencies | None = None


def ask(source: Source, budget: Budget, asked: Questions, *, thorough: bool = False) -> Pass:
    """List the packets, and answer the questions as far as the file lets itself be taken apart.

    Args:
        source: The file and its stream.
        budget: What FFmpeg may use.
        asked: The questions.
        thorough: Whether FFmpeg looks into the whole file, if need be, to learn what the streams are.
    """
    found = _run(source, budget, asked, thorough)
    if asked.frames and found.status != 0:  # one that cannot be told from the next ends everything
        return _run(source, budget, NOTHING, thorough)
    return found


def _run(source: Source, budget: Budget, asked: Questions, thorough: bool) -> Pass:
    """Run FFmpeg once; where it reports an error for every packet, once more without reports."""
    try:
        return _run_once(source, budget, asked, thorough, None)
    except ErrorFloodError as flood:
        return _run_once(source, budget, NOTHING, thorough, flood.said)


def _run_once(
    source: Source, budget: Budget, asked: Questions, thorough: bool, said_before: Stderr | None
) -> Pass:
    listing = Listing(source.limits.max_packets)
    filtered = {name: NumberedPackets() for name in asked.filters}
    frames = Av1Dependencies()
    sinks: dict[str, Callable[[bytes], None]] = {"stdout": listing.feed}
    sinks |= {name: packets.feed for name, packets in filtered.items()}
    if asked.frames:
        sinks["frames"] = IvfReader(frames.take).feed

    def build(urls: Urls) -> Sequence[str]:
        return command.build_index(
            source,
            urls,
            asked.filters,
            with_frames=asked.frames,
            thorough=thorough,
            quiet=said_before is not None,
        )

    with running(build, [name for name in sinks if name != "stdout"], budget) as child:
        if said_before is None:
            child.stderr.message_limit = _MAX_MESSAGES
        child.feed_all(sinks)
        status = child.wait()
    if PARAMETERS in filtered:
        listing.mark_new_parameters(filtered[PARAMETERS].changes)
    said = said_before or child.stderr
    return Pass(
        Header.parse(said.facts),
        listing,
        said,
        status,
        {name: bytes(packets.marks) for name, packets in filtered.items()},
        frames.found if asked.frames else None,
    )


def count_packets(source: Source, budget: Budget, streams: Sequence[int]) -> Mapping[int, int]:
    """How many packets each of the streams has."""
    listings = {str(stream): Listing(source.limits.max_packets) for stream in streams}

    def build(urls: Urls) -> Sequence[str]:
        return command.build_counts(source, urls)

    with running(build, list(listings), budget) as child:
        child.feed_all({name: listing.feed for name, listing in listings.items()})
        child.wait()
    return {int(name): len(listing.packets) for name, listing in listings.items()}


def list_others(source: Source, budget: Budget) -> OtherStreams:
    """When the packets of all streams but video are shown."""
    others = OtherStreams(source.limits.max_packets)
    with running(lambda _: command.build_others(source), (), budget) as child:
        child.feed_all({"stdout": others.feed})
        child.wait()
    return others


def excerpt(source: Source) -> bytes:
    """The beginning and the end of the file, where containers name their codecs."""
    with source.path.open("rb") as file:
        head = file.read(_EXCERPT_BYTES)
        file.seek(max(file.tell(), source.path.stat().st_size - _EXCERPT_BYTES))
        return head + file.read(_EXCERPT_BYTES)
