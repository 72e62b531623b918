"""Correct the timestamps of a scanned stream, and compute its duration. Pure."""

from collections.abc import Callable, Sequence
from fractions import Fraction

from msgspec.structs import replace

from extractor.domain.frames import ClockChange
from extractor.media.ffmpeg.discontinuities import (
    Discontinuity,
    Part,
    corrected,
    corrected_end,
    find_discontinuities,
)
from extractor.media.ffmpeg.input_info import InputInfo
from extractor.media.ffmpeg.packet_list import OtherStreams
from extractor.media.ffmpeg.packets import NO_PTS, PacketTable
from extractor.media.ffmpeg.stray_timestamps import find_strays, with_strays
from extractor.media.ffmpeg.stream_packets import StreamPackets
from extractor.media.probe.completeness import MEASURED_DURATION
from extractor.media.probe.packet_scan import PacketScan

_MPEG_CLOCK = 1 << 33
"""The period of MPEG timestamps."""


def find_timestamp_changes(
    scan: PacketScan, others: Callable[[], OtherStreams]
) -> tuple[list[Part], list[Discontinuity]]:
    """Find the discontinuities and the stray packets of a stream.

    Args:
        scan: The packet scan of the stream.
        others: Returns the packets of the other streams; called only if needed.

    Returns:
        The parts of the stream, and the changes of the clock between them, in decode order.
    """
    listing, time_base = scan.listing, scan.listing.packets.time_base
    parts, strays = find_strays(listing.packets.pts, listing.parts, listing.far_times or (), time_base)
    discontinuities = find_discontinuities(
        parts,
        scan.input_info.container,
        time_base,
        lambda gap: others().has_any_between(*gap.middle),
    )
    return parts, with_strays(discontinuities, strays)


def correct_timestamps(
    listing: StreamPackets, parts: Sequence[Part], changes: Sequence[Discontinuity]
) -> PacketTable:
    """Return the packets with corrected timestamps.

    Args:
        listing: The packets of the stream.
        parts: The parts of the stream.
        changes: The changes of the clock.
    """
    return replace(
        listing.packets,
        pts=corrected(listing.packets.pts, changes, NO_PTS),
        end_pts=corrected_end(parts, changes),
    )


def stream_duration(
    scan: PacketScan, end_pts: int | None, first_pts: int | None, *, all_have_times: bool
) -> Fraction:
    """Return the seconds from the first frame to the end of the last one.

    Args:
        scan: The packet scan of the stream.
        end_pts: The corrected end of the last shown packet, if known.
        first_pts: The corrected pts of the first frame, if known.
        all_have_times: Whether all packets have a pts. Otherwise the duration is the largest of the span of
            the known pts and the sum of the packet durations, or that of the header if both are 0.
    """
    time_base = scan.listing.packets.time_base
    duration = Fraction(0)
    if first_pts is not None and end_pts is not None:
        duration = (end_pts - first_pts) * time_base
    if all_have_times:
        return duration
    return max(duration, scan.listing.ticks * time_base) or scan.input_info.duration or duration


def to_clock_change(
    change: Discontinuity, first_pts: int, time_base: Fraction, input_info: InputInfo
) -> ClockChange:
    """Convert a discontinuity to seconds, relative to the first frame, for the manifest."""
    # FFmpeg adds a period of the 33-bit clock to timestamps far before the first one.
    period = _MPEG_CLOCK if input_info.container in MEASURED_DURATION else None
    after = change.pts_after % period if period else change.pts_after
    return ClockChange(
        *(float(pts * time_base) for pts in (change.pts - first_pts, change.pts_before, after))
    )
