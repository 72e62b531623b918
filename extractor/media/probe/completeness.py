"""Decide whether a file is truncated, or only shorter than its header claims."""

from collections.abc import Callable
from fractions import Fraction
from typing import Final

from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.packet_list import OtherStreams
from extractor.media.ffmpeg.packets import CORRUPT
from extractor.media.probe import truncation
from extractor.media.probe.packet_scan import PacketScan

MEASURED_DURATION: Final = frozenset({"mpegts", "mpeg"})
"""Containers without a duration in the header: FFmpeg estimates it from the last packets of the file."""

_TRUNCATED = (
    r"File ended prematurely"
    r"|(stream \d+,|root atom) offset 0x[0-9a-f]+: partial file$"
    r"|failed to (find absolute offset of [0-9A-F]+ in BodySID -?\d+|seek to FooterPartition @ \S+ \(-?\d+\))"
    r" - partial file\?$"
)
"""FFmpeg's messages about an unexpected end of the file."""

_GUESSED_DURATION = r"Estimating duration from bitrate"


def is_truncated(scan: PacketScan, source: DecoderInput) -> bool:
    """Whether the end of the file is missing, by FFmpeg's log, the last packet or the container structure."""
    container, flags = scan.input_info.container, scan.listing.packets.flags
    last_is_partial = bool(flags and flags[-1] & CORRUPT) and container != "mpegts"
    return scan.log.matches(_TRUNCATED) or last_is_partial or truncation.is_truncated(source.path, container)


def missing_seconds(scan: PacketScan) -> Fraction:
    """Return by how many seconds the duration in the header exceeds that of the video packets."""
    input_info, packets = scan.input_info, scan.listing.packets
    is_guess = input_info.container in MEASURED_DURATION or scan.log.matches(_GUESSED_DURATION)
    if input_info.duration is None or packets.end_pts is None or is_guess:
        return Fraction(0)
    return max(Fraction(0), input_info.duration - packets.end_pts * packets.time_base)


def exceeds_other_streams(missing: Fraction, scan: PacketScan, others: Callable[[], OtherStreams]) -> bool:
    """Whether `missing` seconds exceed the usual error of headers, and no other stream fills them.

    Args:
        missing: By how many seconds the header exceeds the video packets.
        scan: The packets of the video stream.
        others: Returns the packets of the other streams; called only if needed.
    """
    input_info, packets = scan.input_info, scan.listing.packets
    tolerance = max(Fraction(1), (input_info.duration or 0) / Fraction(20))
    if missing <= tolerance or packets.end_pts is None:
        return False
    end_seconds = packets.end_pts * packets.time_base
    others_end = others().end_seconds
    return others_end is None or end_seconds + missing - others_end > tolerance
