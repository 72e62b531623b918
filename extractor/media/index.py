"""The packet index: what a file holds, learnt without decoding it.

FFmpeg copies the packets of the first real video stream into a listing. From it and from what FFmpeg
says of the input follow the stream's description, its true times, whether the file ends before its
header says that it should, and what its packets mean to a decoder.
"""

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
from extractor.media.beginning import without_lead
from extractor.media.command import Source
from extractor.media.decode_order import NOTHING, UNSUPPORTED, learn_order, questions_about
from extractor.media.filters import Picture
from extractor.media.header import Header
from extractor.media.listing import Packets, parse_listing
from extractor.media.packet_pass import Pass, ask, excerpt
from extractor.media.pipes import Budget
from extractor.media.plan import DecodeOrder
from extractor.media.process import running
from extractor.policy import SamplingPolicy

_CUT_SHORT = r"partial file|File ended prematurely"
_GUESSED_DURATION = r"Estimating duration from bitrate"


@dataclass(frozen=True, slots=True)
class VideoIndex:
    """A video stream. `width` × `height` pixels before `rotation_degrees`. `expected_seconds` is how
    long the video should be: longer than `duration_seconds` only if the file ends early (`truncated`).
    `start_seconds` is the container's time of the first frame, `container_start_seconds` that of the first
    packet of any stream. `shown_pts` is empty without usable
    times, and `order` is `None` where it is not sure what the packets mean to a decoder.
    """

    ffmpeg_version: str
    container: str
    codec: str
    width: int
    height: int
    rotation_degrees: float
    hdr: str | None
    pixel_format: str
    picture: Picture
    packets: Packets = field(repr=False)
    order: DecodeOrder | None = field(repr=False)
    shown_pts: list[int] = field(repr=False)
    frame_count: int
    duration_seconds: float
    expected_seconds: float
    truncated: bool
    container_start_seconds: float = 0.0

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
    def frame_rate(self) -> float:
        """Frames per second, on average; 0 if the duration is unknown."""
        return self.frame_count / self.duration_seconds if self.duration_seconds > 0 else 0.0


def read_index(source: Source, budget: Budget, policy: SamplingPolicy) -> VideoIndex:
    """Index the file, as far as `policy` needs it. Raises the `ExtractorError` that says why it cannot be
    decoded."""
    # A right guess makes one pass tell everything; a wrong one costs another pass.
    asked = questions_about(formats.likely_codec(excerpt(source)), policy)
    found = ask(source, budget, asked)
    if found.said.says(UNSUPPORTED):
        asked = NOTHING
        found = ask(source, budget, asked)
    _refuse_unreadable(found, source)
    codec = found.listing.codec
    if questions_about(codec, policy) != asked:
        found = ask(source, budget, questions_about(codec, policy))
    order = None
    if not (found.said.says("filter_units") or _needs_every_frame(found.header)):
        order = learn_order(codec, found.listing.stream, found.filtered, found.dependencies)
    return _describe(found, order, source, budget)


def index_of(found: Pass, source: Source, budget: Budget) -> VideoIndex:
    """The index that a pass over all packets amounts to, but for their order. Raises as `read_index`."""
    _refuse_unreadable(found, source)
    return _describe(found, None, source, budget)


def _describe(found: Pass, order: DecodeOrder | None, source: Source, budget: Budget) -> VideoIndex:
    header = found.header
    picture = Picture(header.interlaced, header.transfer)
    missing = _missing_seconds(source, budget, found)
    packets = without_lead(found.listing.stream, source, picture, budget)
    shown = packets.shown_pts
    end = packets.end_pts
    duration = header.duration or Fraction(0)
    if shown and end is not None:
        duration = (end - shown[0]) * packets.time_base
    return VideoIndex(
        ffmpeg_version=header.version,
        container=header.container,
        codec=found.listing.codec,
        width=found.listing.width,
        height=found.listing.height,
        rotation_degrees=header.rotation,
        hdr=_hdr(header),
        pixel_format=header.pixel_format,
        picture=picture,
        packets=packets,
        order=order,
        shown_pts=shown,
        frame_count=len(shown) or len(packets),
        duration_seconds=float(duration),
        expected_seconds=float(duration + missing),
        truncated=missing > 0 or found.said.says(_CUT_SHORT),
        container_start_seconds=float(header.start),
    )


def _hdr(header: Header) -> str | None:
    if header.dolby_vision_profile is not None:
        return f"dolby-vision-{header.dolby_vision_profile}"
    return None if header.transfer == "sdr" else header.transfer


def _refuse_unreadable(found: Pass, source: Source) -> None:
    listing, header, said = found.listing, found.header, found.said
    if said.says(r"^(Format|Protocol .*) not on whitelist"):
        raise ForbiddenFormatError("this kind of file is not a video that may be read")
    if said.out_of_memory:
        raise TooLargeError("FFmpeg needs more memory than FFMPEG_MEMORY_MB allows to read this file")
    most = source.limits.max_pixels
    if said.says(r"exceeds specified max pixel count") or listing.width * listing.height > most:
        raise TooLargeError(f"pictures of more than MAX_PIXELS={most} pixels are refused")
    if found.status < 0:
        raise DecoderCrashedError(f"FFmpeg died of signal {-found.status} while it read the file")
    if header.opened and not header.has_video:
        raise NoVideoStreamError("there is no video in the file, only sound or cover art")
    if not header.opened and formats.is_script(excerpt(source)[:256]):
        raise ForbiddenFormatError("the file is a text for programs, not a video")
    if not header.opened or not len(listing.stream):
        raise UnreadableError(f"FFmpeg cannot read the file: {said.words}")
    if listing.encrypted:
        raise UnreadableError(f"the video is encrypted and no key is in the file: {said.words}")
    if listing.codec not in formats.DECODERS:
        raise ForbiddenFormatError(f"videos in the codec {listing.codec} are not read")


def _needs_every_frame(header: Header) -> bool:
    """Deinterlacing does, and times that are not in the container: there FFmpeg counts frames."""
    return header.interlaced or header.container == "obu"


def _missing_seconds(source: Source, budget: Budget, found: Pass) -> Fraction:
    """How much of the video the file lacks, as its header tells it.

    A header that promises more than the video holds is no proof: the sound may be longer. So a
    second pass looks how far the other streams reach; only what none of them covers is missing.
    """
    header, said = found.header, found.said
    reached = found.listing.end_seconds
    if header.duration is None or reached is None or said.says(_GUESSED_DURATION):
        return Fraction(0)
    # Matroska counts its duration from zero, the others from their first timestamp.
    promised = header.duration + (0 if header.container.startswith("matroska") else header.start)
    tolerance = max(Fraction(1), header.duration / 20)
    if not said.says(_CUT_SHORT):
        if promised - reached <= tolerance:
            return Fraction(0)
        with running(lambda _: command.build_others(source), (), budget) as child:
            others = parse_listing(child.pieces("stdout")).end_seconds
            child.wait()
        if others is not None and promised - others <= tolerance:
            return Fraction(0)
    return max(Fraction(0), promised - reached)
