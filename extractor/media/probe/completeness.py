"""Whether a file holds all that it promises: evidence that it was cut off, and mere claims of its header."""

from collections.abc import Callable
from fractions import Fraction
from typing import Final

from extractor.media.ffmpeg.command import DecoderInput
from extractor.media.ffmpeg.packet_list import OtherStreams
from extractor.media.ffmpeg.packets import CORRUPT
from extractor.media.probe import truncation
from extractor.media.probe.packet_scan import PacketScan

MEASURED_DURATION: Final = frozenset({"mpegts", "mpeg"})
"""Containers that claim no duration: FFmpeg takes that of the packets at the end of the file."""

_CUT_SHORT = (
    r"File ended prematurely"
    r"|(stream \d+,|root atom) offset 0x[0-9a-f]+: partial file$"
    r"|failed to (find absolute offset of [0-9A-F]+ in BodySID -?\d+|seek to FooterPartition @ \S+ \(-?\d+\))"
    r" - partial file\?$"
)
"""What FFmpeg says where it meets the end of the file too early."""

_GUESSED_DURATION = r"Estimating duration from bitrate"


def is_cut_off(found: PacketScan, source: DecoderInput) -> bool:
    """Whether the end of the file is missing."""
    container, flags = found.header.container, found.listing.packets.flags
    last_is_partial = bool(flags and flags[-1] & CORRUPT) and container != "mpegts"
    return found.said.matches(_CUT_SHORT) or last_is_partial or truncation.is_cut_off(source.path, container)


def lacking_seconds(found: PacketScan) -> Fraction:
    """How much longer the header says that the file is than the video."""
    header, packets = found.header, found.listing.packets
    is_guess = header.container in MEASURED_DURATION or found.said.matches(_GUESSED_DURATION)
    if header.duration is None or packets.end_pts is None or is_guess:
        return Fraction(0)
    return max(Fraction(0), header.duration - packets.end_pts * packets.time_base)


def goes_beyond(lacking: Fraction, found: PacketScan, others: Callable[[], OtherStreams]) -> bool:
    """Whether `lacking` seconds are more than headers are wrong about, and no other stream goes on for so
    long."""
    header, packets = found.header, found.listing.packets
    tolerance = max(Fraction(1), (header.duration or 0) / Fraction(20))
    if lacking <= tolerance or packets.end_pts is None:
        return False
    reached = packets.end_pts * packets.time_base
    sound = others().end_seconds
    return sound is None or reached + lacking - sound > tolerance
