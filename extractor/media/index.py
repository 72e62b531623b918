"""The packet index: what a file holds, learnt without decoding it.

One FFmpeg pass copies the packets of the first real video stream into a listing. From it and from
what FFmpeg says of the input follow the stream's description, its true times, and whether the file
ends before its header says that it should.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from extractor.errors import (
    DecoderCrashedError,
    ForbiddenFormatError,
    NoVideoStreamError,
    TooLargeError,
    UnreadableError,
)
from extractor.media import command, formats
from extractor.media.command import Source
from extractor.media.header import Header
from extractor.media.listing import Listing, parse_listing
from extractor.media.process import Budget, Child, running
from extractor.media.stderr import Stderr

_CUT_SHORT = r"partial file|File ended prematurely"
_GUESSED_DURATION = r"Estimating duration from bitrate"


@dataclass(frozen=True, slots=True)
class VideoIndex:
    """A video stream. `width` × `height` pixels before `rotation_degrees`. `expected_seconds` is how
    long the video should be: longer than `duration_seconds` only if the file ends early (`truncated`).
    `start_seconds` is the container's time of the first frame. `first_pts` is `None` without usable times.
    """

    container: str
    codec: str
    width: int
    height: int
    rotation_degrees: float
    time_base: Fraction
    first_pts: int | None
    shown_pts: list[int] = field(repr=False)
    frame_count: int
    duration_seconds: float
    expected_seconds: float
    truncated: bool

    @property
    def start_seconds(self) -> float:
        return float((self.first_pts or 0) * self.time_base)

    @property
    def frame_rate(self) -> float:
        """Frames per second, on average; 0 if the duration is unknown."""
        return self.frame_count / self.duration_seconds if self.duration_seconds > 0 else 0.0


def read_index(source: Source, budget: Budget) -> VideoIndex:
    """Index the file. Raises the `ExtractorError` that says why it cannot be decoded."""
    with running(lambda _: command.build_index(source), (), budget) as child:
        listing = parse_listing(_lines(child))
        status = child.wait()
    said = child.stderr
    header = Header.parse(said.facts)
    _refuse_unreadable(listing, header, said, status, source)
    stream = listing.stream
    shown = stream.shown_pts
    first = shown[0] if shown else None
    end = stream.end_pts
    duration = (
        (end - first) * stream.time_base
        if first is not None and end is not None
        else header.duration or Fraction(0)
    )
    missing = _missing_seconds(source, budget, header, said, listing)
    return VideoIndex(
        container=header.container,
        codec=listing.codec,
        width=listing.width,
        height=listing.height,
        rotation_degrees=header.rotation,
        time_base=stream.time_base,
        first_pts=first,
        shown_pts=shown,
        frame_count=len(shown) or len(stream),
        duration_seconds=float(duration),
        expected_seconds=float(duration + missing),
        truncated=missing > 0 or said.says(_CUT_SHORT),
    )


def _refuse_unreadable(listing: Listing, header: Header, said: Stderr, status: int, source: Source) -> None:
    if said.says(r"^(Format|Protocol .*) not on whitelist"):
        raise ForbiddenFormatError("this kind of file is not a video that may be read")
    if said.out_of_memory:
        raise TooLargeError("FFmpeg needs more memory than FFMPEG_MEMORY_MB allows to read this file")
    if (
        said.says(r"exceeds specified max pixel count")
        or listing.width * listing.height > source.limits.max_pixels
    ):
        raise TooLargeError(f"pictures of more than MAX_PIXELS={source.limits.max_pixels} pixels are refused")
    if status < 0:
        raise DecoderCrashedError(f"FFmpeg died of signal {-status} while it read the file")
    if header.opened and not header.has_video:
        raise NoVideoStreamError("there is no video in the file, only sound or cover art")
    if not header.opened and formats.is_script(_head(source)):
        raise ForbiddenFormatError("the file is a text for programs, not a video")
    if not header.opened or not len(listing.stream):
        raise UnreadableError(f"FFmpeg cannot read the file: {said.words}")
    if listing.encrypted:
        raise UnreadableError(f"the video is encrypted and no key is in the file: {said.words}")
    if listing.codec not in formats.DECODERS:
        raise ForbiddenFormatError(f"videos in the codec {listing.codec} are not read")


def _missing_seconds(
    source: Source, budget: Budget, header: Header, said: Stderr, listing: Listing
) -> Fraction:
    """How much of the video the file lacks, as its header tells it.

    A header that promises more than the video holds is no proof: the sound may be longer. So a
    second pass looks how far the other streams reach; only what none of them covers is missing.
    """
    if header.duration is None or said.says(_GUESSED_DURATION):
        return Fraction(0)
    # Matroska counts its duration from zero, the others from their first timestamp.
    promised = header.duration + (0 if header.container.startswith("matroska") else header.start)
    reached = listing.end_seconds
    tolerance = max(Fraction(1), header.duration / 20)
    if reached is None or (promised - reached <= tolerance and not said.says(_CUT_SHORT)):
        return Fraction(0)
    if not said.says(_CUT_SHORT):
        with running(lambda _: command.build_timeline(source), (), budget) as child:
            others = parse_listing(_lines(child)).end_seconds
            child.wait()
        if others is not None and promised - others <= tolerance:
            return Fraction(0)
    return max(Fraction(0), promised - reached)


def _lines(child: Child) -> Iterator[str]:
    while (line := child.line("stdout")) is not None:
        yield line.decode("ascii", "replace")


def _head(source: Source) -> bytes:
    with source.path.open("rb") as file:
        return file.read(256)
