"""The clock of a video: where it starts anew or jumps, and how its parts follow one another. Pure.

Recordings that were put together (transport streams after one another, a stream that was reconnected,
appended files) restart their clock. Players go on where the part before ended, and so does this project:
each part gets an offset, which FFmpeg adds to the timestamps before the decoder sees them.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final

from msgspec import Struct

JUMP_SECONDS: Final = 10
"""From here on a jump ahead may be another clock; FFmpeg's own limit (``-dts_delta_threshold``)."""

_GAP_MARGIN_SECONDS: Final = 1.0
_MAX_HELD_FRAMES: Final = 17
_TRANSMITTED: Final = frozenset({"mpegts", "mpeg", "flv", "live_flv"})
"""Demuxers of containers that are made for transmission: each packet has its own decoding time, and the clock
may jump (FFmpeg's ``AVFMT_TS_DISCONT``, and FLV)."""


class Part(Struct, frozen=True):
    """A stretch of packets in which decoding times ascend. Times in units of the stream's time base.

    Attributes:
        first_packet: The number of its first packet, in decode order.
        first_dts: The decoding time of that packet.
        last_dts: The decoding time of its last packet.
        step: The decoding time of the first packet less that of the packet before.
        frame_duration: How long the packet before is shown; 0 if unknown.
        start_pts: The earliest time at which one of its packets is shown.
        end_pts: When the last one that is shown ends.
    """

    first_packet: int
    first_dts: int
    last_dts: int
    step: int = 0
    frame_duration: int = 0
    start_pts: int | None = None
    end_pts: int | None = None


class Discontinuity(Struct, frozen=True):
    """Where the clock restarts or jumps. Times in units of the stream's time base.

    Attributes:
        first_packet: The first packet under the new clock.
        pts: When that part is shown, after correction.
        pts_before: When the part before ends, by its own clock.
        pts_after: When the part that follows starts, by its own clock.
        offset: What is added to the times of the part that follows.
    """

    first_packet: int
    pts: int
    pts_before: int
    pts_after: int
    offset: int


class Gap(Struct, frozen=True):
    """A time in which no packet is shown, in seconds of the file's clock."""

    start_seconds: float
    end_seconds: float

    @property
    def middle(self) -> tuple[float, float]:
        """Where other streams have packets if the gap is real: not close to its ends."""
        margin = min(_GAP_MARGIN_SECONDS, (self.end_seconds - self.start_seconds) / 4)
        return self.start_seconds + margin, self.end_seconds - margin


def find_discontinuities(
    parts: Sequence[Part], container: str, time_base: Fraction, is_real_gap: Callable[[Gap], bool]
) -> list[Discontinuity]:
    """Where the clock restarts or jumps.

    Args:
        parts: The parts of the listing, in decode order.
        container: FFmpeg's name of the demuxer.
        time_base: The unit of all times, in seconds.
        is_real_gap: Tells whether nothing was recorded in a gap; otherwise the clock jumped ahead.
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
            shown = end + offset
            offset = shown - part.start_pts
            found.append(Discontinuity(part.first_packet, shown, end, part.start_pts, offset))
            end = part.end_pts
        else:
            end = max(end, part.end_pts)
    return found


def _restarts(part: Part, container: str) -> bool:
    """Where a container does not store decoding times, FFmpeg reckons them from the order of the frames, and
    they may go back by as many frames as a decoder may hold."""
    most = 0 if container in _TRANSMITTED else _MAX_HELD_FRAMES * max(1, part.frame_duration)
    return -part.step > most


def corrected(pts: "array[int]", found: Sequence[Discontinuity], no_pts: int) -> "array[int]":
    """The times with the offsets of the parts added; `no_pts` stays as it is."""
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
    """When the last shown packet ends, after correction; ``None`` if no shown packet has a time."""
    starts = [change.first_packet for change in found]
    offsets = [0, *(change.offset for change in found)]
    ends = (
        part.end_pts + offsets[bisect_right(starts, part.first_packet)]
        for part in parts
        if part.end_pts is not None
    )
    return max(ends, default=None)


def correction_filter(found: Sequence[Discontinuity]) -> str | None:
    """The bitstream filter that makes FFmpeg add the offsets; ``None`` if there are none."""
    if not found:
        return None

    def tree(low: int, high: int) -> str:
        if high - low == 1:
            return str(found[low].offset) if low >= 0 else "0"
        middle = (low + high) // 2
        return f"if(lt(N,{found[middle].first_packet}),{tree(low, middle)},{tree(middle, high)})"

    offset = tree(-1, len(found))
    moved = (
        f"{kind}=if(eq({name},NOPTS),NOPTS,{name}+{offset})"
        for kind, name in (("pts", "PTS"), ("dts", "DTS"))
    )
    return ("setts=" + ":".join(moved)).replace(",", "\\,")
