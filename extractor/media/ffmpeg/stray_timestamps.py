"""Find and correct single packets with a wrong timestamp. Pure.

One wrong timestamp would look like a discontinuity, or extend the video by hours. Such a packet gets the
timestamp that is missing among its neighbours.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from heapq import nlargest
from itertools import pairwise
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from extractor.media.ffmpeg.discontinuities import JUMP_SECONDS, Discontinuity, Part
from extractor.media.ffmpeg.packets import NO_PTS

_NEIGHBOURS: Final = 16
"""The number of neighbours on each side: the largest reordering delay of a decoder."""


class Stray(Struct, frozen=True):
    """A packet with a wrong timestamp. Timestamps are in units of the stream's time base.

    Attributes:
        packet: The number of the packet, in decode order.
        wrong_pts: The pts in the file.
        pts: The pts that is missing among its neighbours.
    """

    packet: int
    wrong_pts: int
    pts: int


def find_strays(
    pts: "array[int]", parts: Sequence[Part], far_times: Iterable[int], time_base: Fraction
) -> tuple[list[Part], list[Stray]]:
    """Find single packets with wrong timestamps.

    Args:
        pts: The pts of all packets.
        parts: The runs of packets with ascending dts.
        far_times: The numbers of packets whose pts is far from their dts.
        time_base: The unit of all timestamps, in seconds.

    Returns:
        The parts, corrected for these packets, and the packets.
    """
    jump = int(JUMP_SECONDS / time_base)
    merged, singles = _merge(parts, jump)
    suspects = {*far_times, *singles}
    starts = [part.first_packet for part in merged]
    ends = [*starts[1:], len(pts)]
    strays = []
    for packet in sorted(suspects):
        position = bisect_right(starts, packet) - 1
        window = range(
            max(starts[position], packet - _NEIGHBOURS), min(ends[position], packet + _NEIGHBOURS + 1)
        )
        trusted = [number for number in window if number not in suspects and pts[number] != NO_PTS]
        if pts[packet] == NO_PTS or len(trusted) < 2:
            continue
        low, high = _missing_between(packet, {number: pts[number] for number in trusted})
        times = [pts[number] for number in trusted]
        span = max(times) - min(times)
        missing = (low + high) // 2
        if abs(pts[packet] - missing) > (high - low if packet in singles else span + max(span, jump)):
            strays.append(Stray(packet, pts[packet], missing))
    wrong = {stray.packet for stray in strays}
    for position in {bisect_right(starts, packet) - 1 for packet in wrong}:
        merged[position] = _remeasured(merged[position], ends[position], pts, wrong)
    return merged, strays


def _missing_between(packet: int, times: Mapping[int, int]) -> tuple[int, int]:
    """Return the two neighbouring timestamps between which that of the packet is missing.

    Their distance is larger than usual, and they are close to the packet's position in the file.

    Args:
        packet: The number of the packet.
        times: The timestamps of its neighbours, by packet number.
    """
    near = times[min(times, key=lambda number: abs(number - packet))]
    pairs = list(pairwise(sorted(times.values())))
    usual = sorted(high - low for low, high in pairs)[len(pairs) // 2]
    wide = [(low, high) for low, high in pairs if 2 * (high - low) > 3 * usual]
    return min(wide or pairs, key=lambda pair: abs(pair[0] + pair[1] - 2 * near))


def _merge(parts: Sequence[Part], jump: int) -> tuple[list[Part], set[int]]:
    """Merge parts that a single packet separates. Return the parts, and the numbers of these packets."""
    merged: list[Part] = []
    singles: set[int] = set()
    for position, part in enumerate(parts):
        before = merged[-1] if merged else None
        after = parts[position + 1] if position + 1 < len(parts) else None
        if before and part.first_packet - 1 in singles:
            merged[-1] = replace(_join(before, part), last_dts=part.last_dts)
        elif before and after and _continues(before, part, after, jump):
            merged[-1] = _join(before, part)
            singles.add(part.first_packet)
        else:
            merged.append(part)
    return merged, singles


def _continues(before: Part, part: Part, after: Part, jump: int) -> bool:
    is_single = after.first_packet == part.first_packet + 1
    return is_single and 0 < after.first_dts - before.last_dts <= jump


def _join(part: Part, other: Part) -> Part:
    starts = [it.start_pts for it in (part, other) if it.start_pts is not None]
    ends = [it.end_pts for it in (part, other) if it.end_pts is not None]
    return replace(part, start_pts=min(starts, default=None), end_pts=max(ends, default=None))


def _remeasured(part: Part, end: int, pts: "array[int]", wrong: set[int]) -> Part:
    """Return the part, which ends before the packet `end`, with its timestamps without the wrong ones."""
    numbers = range(part.first_packet, end)
    times = [pts[number] for number in numbers if number not in wrong and pts[number] != NO_PTS]
    last = nlargest(2, times)
    return replace(part, start_pts=min(times), end_pts=2 * last[0] - last[1])


def with_strays(found: Sequence[Discontinuity], strays: Sequence[Stray]) -> list[Discontinuity]:
    """Add two discontinuities per stray packet: one at the packet, and one after it."""
    starts = [change.first_packet for change in found]
    changes = list(found)
    for stray in strays:
        position = bisect_right(starts, stray.packet)
        offset = found[position - 1].offset if position else 0
        shown = stray.pts + offset
        correction = shown - stray.wrong_pts
        changes.append(Discontinuity(stray.packet, shown, stray.pts, stray.wrong_pts, correction))
        if stray.packet + 1 not in starts:
            changes.append(Discontinuity(stray.packet + 1, shown, stray.wrong_pts, stray.pts, offset))
    return sorted(changes, key=lambda change: change.first_packet)
