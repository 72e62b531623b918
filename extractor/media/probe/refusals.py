"""Why a file is not decoded at all: what a run over its packets tells against it. Pure, but for a look at the
first and last bytes of the file."""

from extractor.errors import (
    DecoderCrashedError,
    ForbiddenFormatError,
    NoVideoStreamError,
    TooLargeError,
    UnreadableError,
)
from extractor.media.ffmpeg import formats
from extractor.media.ffmpeg.command import MAX_STREAMS, DecoderInput
from extractor.media.ffmpeg.input_info import StreamInfo
from extractor.media.probe.packet_scan import PacketScan, head_and_tail


def refuse_unreadable(found: PacketScan, stream: StreamInfo | None, source: DecoderInput) -> None:
    """Raise the `ExtractorError` that says why the file cannot be decoded, if there is one.

    Args:
        found: What a run over its packets told.
        stream: The stream that is meant; ``None`` if the file has no video.
        source: The file.
    """
    listing, header, said = found.listing, found.header, found.said
    head = head_and_tail(source)
    if formats.is_still_picture(head, len(listing.packets)):
        raise ForbiddenFormatError("the file is a still picture, not a video")
    if said.matches(r"(Format|Protocol '\w*') not on whitelist '"):
        raise ForbiddenFormatError("this kind of file is not a video that may be read")
    if said.matches(
        r"Number of (streams|tracks) exceeds max_streams"
    ):  # it would read only some of the packets
        raise TooLargeError(f"files with more than {MAX_STREAMS} streams are refused")
    if said.out_of_memory:
        raise TooLargeError(
            "FFmpeg needs more memory than it may use to read this file: see FFMPEG_MEMORY_MB"
        )
    most = source.limits.max_pixels
    if (
        said.matches(r"Picture size \d+x\d+ exceeds specified max pixel count")
        or listing.width * listing.height > most
    ):
        raise TooLargeError(f"pictures of more than MAX_PIXELS={most} pixels are refused")
    if found.status < 0:
        raise DecoderCrashedError(f"FFmpeg died of signal {-found.status} while it read the file")
    if header.opened and stream is None:
        raise NoVideoStreamError(formats.describe_missing_video(header.other_kinds))
    if not header.opened and formats.is_script(head[:256]):
        raise ForbiddenFormatError("the file is a text for programs, not a video")
    if not header.opened or not len(listing.packets):
        raise UnreadableError(f"FFmpeg cannot read the file: {said.words}")
    if listing.encrypted:
        raise UnreadableError("the video is encrypted, and its key is not in the file")
    if listing.codec not in formats.DECODERS:
        raise ForbiddenFormatError(f"videos in the codec {listing.codec} are not read")
