"""Refuse files that cannot be decoded, with the reason."""

from extractor.errors import (
    DecoderCrashedError,
    ForbiddenFormatError,
    NoVideoStreamError,
    TooLargeError,
    UnreadableError,
)
from extractor.media.ffmpeg import formats
from extractor.media.ffmpeg.decoder_input import MAX_STREAMS, DecoderInput
from extractor.media.ffmpeg.input_info import StreamInfo
from extractor.media.probe.packet_scan import PacketScan, head_and_tail


def raise_if_unreadable(scan: PacketScan, stream: StreamInfo | None, source: DecoderInput) -> None:
    """Raise an error if the file cannot be decoded.

    Args:
        scan: The packet scan of the file.
        stream: The selected stream; ``None`` if the file has no video.
        source: The file.

    Raises:
        ExtractorError: The file cannot be decoded; the type of the error is the reason.
    """
    listing, input_info, log = scan.listing, scan.input_info, scan.log
    head = head_and_tail(source)
    if formats.is_still_picture(head, len(listing.packets)):
        raise ForbiddenFormatError("the file is a still picture, not a video")
    if log.matches(r"(Format|Protocol '\w*') not on whitelist '"):
        raise ForbiddenFormatError("this file format is not allowed")
    # FFmpeg would read only some of the packets.
    if log.matches(r"Number of (streams|tracks) exceeds max_streams"):
        raise TooLargeError(f"files with more than {MAX_STREAMS} streams are refused")
    if log.out_of_memory:
        raise TooLargeError("FFmpeg needs more memory than FFMPEG_MEMORY_MB allows to read this file")
    max_pixels = source.limits.max_pixels
    if (
        log.matches(r"Picture size \d+x\d+ exceeds specified max pixel count")
        or listing.width * listing.height > max_pixels
    ):
        raise TooLargeError(f"frames of more than MAX_PIXELS={max_pixels} pixels are refused")
    if scan.status < 0:
        raise DecoderCrashedError(f"FFmpeg was killed by signal {-scan.status} while it read the file")
    if input_info.opened and stream is None:
        raise NoVideoStreamError(formats.describe_missing_video(input_info.other_kinds))
    if not input_info.opened and formats.is_script(head[:256]):
        raise ForbiddenFormatError("the file is a playlist, a script or a web page, not a video")
    if not input_info.opened or not len(listing.packets):
        raise UnreadableError(f"FFmpeg cannot read the file: {log.summary}")
    if listing.encrypted:
        raise UnreadableError("the video is encrypted, and the file does not contain the key")
    if listing.codec not in formats.DECODERS:
        raise ForbiddenFormatError(f"the video codec {listing.codec} is not allowed")
