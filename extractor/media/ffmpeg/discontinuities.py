"""Find and correct timestamp discontinuities: where the clock of a stream restarts or jumps. Pure.

Concatenated recordings (transport streams, reconnected streams, appended files) restart their clock. As in
players, each part continues where the part before it ended: a bitstream filter adds an offset to its
timestamps before they reach the decoder.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final

from msgspec import Struct

JUMP_SECONDS: Final = 10
"""The least step of dts that may be a discontinuity: FFmpeg's ``-dts_delta_threshold``."""

_GAP_MARGIN_SECONDS: Final = 1.0
_MAX_HELD_FRAMES: Final = 17
_TRANSMITTED: Final = frozenset({"mpegts", "mpeg", "flv", "live_flv"})
"""Demuxers of streaming containers: each packet has a dts, and discontinuities are allowed (FFmpeg's
``AVFMT_TS_DISCONT``, and FLV)."""


class Part(Struct, frozen=True):
    """A run of packets with ascending dts. All timestamps are in units of the stream's time base.

    Attributes:
        first_packet: The number of its first packet, in decode order.
        first_dts: The dts of its first packet.
        last_dts: The dts of its last packet.
        step: The dts of its first packet minus that of the packet before.
        frame_duration: The duration of the packet before; 0 if unknown.
        start_pts: The lowest pts of its shown packets; ``None`` if none has a pts.
        end_pts: The end of its last shown packet, likewise.
    """

    first_packet: int
    first_dts: int
    last_dts: int
    step: int = 0
    frame_duration: int = 0
    start_pts: int | None = None
    end_pts: int | None = None


class Discontinuity(Struct, frozen=True):
    """A restart or jump of the clock. All timestamps are in units of the stream's time base.

    Attributes:
        first_packet: The first packet after it.
        pts: The start of the following part after correction.
        pts_before: The end of the part before, uncorrected.
        pts_after: The start of the following part, uncorrected.
        offset: The number to add to the timestamps of the following part.
    """

    first_packet: int
    pts: int
    pts_before: int
    pts_after: int
    offset: int


class Gap(Struct, frozen=True):
    """An interval without frames, in uncorrected seconds."""

    start_seconds: float
    end_seconds: float

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of the gap, in which other streams have packets if the gap is real."""
        margin = min(_GAP_MARGIN_SECONDS, (self.end_seconds - self.start_seconds) / 4)
        return self.start_seconds + margin, self.end_seconds - margin


def find_discontinuities(
    parts: Sequence[Part], container: str, time_base: Fraction, is_real_gap: Callable[[Gap], bool]
) -> list[Discontinuity]:
    """Find the discontinuities of a stream.

    Args:
        parts: The parts of the listing, in decode order.
        container: FFmpeg's name of the demuxer.
        time_base: The unit of all timestamps, in seconds.
        is_real_gap: Whether no video was recorded in a gap; otherwise the clock jumped.
    """
    found: list[Discontinuity] = []
    offset = 0
    start = end = None
    for part in parts:
        if part.start_pts is None or part.end_pts is None:
            continue
        if start is None or end is None:
            start, end = part.start_pts, part.end_pts
            continue
        gap = Gap(float(end * time_base), float(part.start_pts * time_base))
        jumps = part.step > 0 and container in _TRANSMITTED and end < part.start_pts and not is_real_gap(gap)
        if jumps or (part.start_pts < end and _restarts(part, container)):
            corrected_pts = end + offset
            offset = corrected_pts - part.start_pts
            found.append(Discontinuity(part.first_packet, corrected_pts, end, part.start_pts, offset))
            end = part.end_pts
        else:
            end = max(end, part.end_pts)
    return found


def _restarts(part: Part, container: str) -> bool:
    """Whether the step back is larger than frame reordering explains.

    For containers without dts, FFmpeg derives them from the frame order, and they may step back by as many
    frames as a decoder may hold.
    """
    max_step = 0 if container in _TRANSMITTED else _MAX_HELD_FRAMES * max(1, part.frame_duration)
    return -part.step > max_step


def corrected(pts: "array[int]", found: Sequence[Discontinuity], no_pts: int) -> "array[int]":
    """Add the offsets to the timestamps; `no_pts` stays unchanged."""
    if not found:
        return pts
    result = pts[: found[0].first_packet]
    ends = [*(later.first_packet for later in found[1:]), len(pts)]
    for start, end in zip(found, ends, strict=True):
        result.extend(
            time if time == no_pts else time + start.offset for time in pts[start.first_packet : end]
        )
    return result


def corrected_end(parts: Sequence[Part], found: Sequence[Discontinuity]) -> int | None:
    """Return the corrected end of the last shown packet; ``None`` if no shown packet has a pts."""
    starts = [change.first_packet for change in found]
    offsets = [0, *(change.offset for change in found)]
    ends = (
        part.end_pts + offsets[bisect_right(starts, part.first_packet)]
        for part in parts
        if part.end_pts is not None
    )
    return max(ends, default=None)


def correction_filter(found: Sequence[Discontinuity]) -> str | None:
    """Build the bitstream filter that adds the offsets; ``None`` if there are no discontinuities."""
    if not found:
        return None

    def tree(low: int, high: int) -> str:
        if high - low == 1:
            return str(found[low].offset) if low >= 0 else "0"
        middle = (low + high) // 2
        return f"if(lt(N,{found[middle].first_packet}),{tree(low, middle)},{tree(middle, high)})"

    offset = tree(-1, len(found))
    assignments = (
        f"{kind}=if(eq({name},NOPTS),NOPTS,{name}+{offset})"
        for kind, name in (("pts", "PTS"), ("dts", "DTS"))
    )
    return ("setts=" + ":".join(assignments)).replace(",", "\\,")
