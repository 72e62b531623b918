"""Single packets with a wrong time, behind which the clock of the video goes on as before. Pure.

Because of one damaged or badly written timestamp, all that follows would be taken for another part of the
video, or the video for one that lasts hours. So each such packet gets the time that is missing among its
neighbours.
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
"""On each side: so many frames a decoder may hold back."""


class Stray(Struct, frozen=True):
    """A packet with a wrong time. Times in units of the stream's time base.

    Attributes:
        packet: Its number, in decode order.
        wrong_pts: Its time by the file.
        pts: The time that is missing among its neighbours.
    """

    packet: int
    wrong_pts: int
    pts: int


def find_strays(
    pts: "array[int]", parts: Sequence[Part], far_times: Iterable[int], time_base: Fraction
) -> tuple[list[Part], list[Stray]]:
    """The parts without single packets with wrong times, and these packets.

    Args:
        pts: The presentation times of all packets.
        parts: The stretches in which decoding times ascend.
        far_times: The numbers of packets that are shown long before or after they are decoded.
        time_base: The unit of all times, in seconds.
    """
    jump = int(JUMP_SECONDS / time_base)
    merged, singles = _merged(parts, jump)
    suspects = {*far_times, *singles}
    starts = [part.first_packet for part in merged]
    ends = [*starts[1:], len(pts)]
    strays = []
    for packet in sorted(suspects):
        place = bisect_right(starts, packet) - 1
        around = range(max(starts[place], packet - _NEIGHBOURS), min(ends[place], packet + _NEIGHBOURS + 1))
        trusted = [number for number in around if number not in suspects and pts[number] != NO_PTS]
        if pts[packet] == NO_PTS or len(trusted) < 2:
            continue
        low, high = _gap(packet, {number: pts[number] for number in trusted})
        times = [pts[number] for number in trusted]
        span = max(times) - min(times)
        missing = (low + high) // 2
        if abs(pts[packet] - missing) > (high - low if packet in singles else span + max(span, jump)):
            strays.append(Stray(packet, pts[packet], missing))
    wrong = {stray.packet for stray in strays}
    for place in {bisect_right(starts, packet) - 1 for packet in wrong}:
        merged[place] = _measured(merged[place], ends[place], pts, wrong)
    return merged, strays


def _gap(packet: int, times: Mapping[int, int]) -> tuple[int, int]:
    """Between which two `times` of its neighbours, by their numbers, that of the packet is missing: they
    are further apart than most, and near to its place in the file."""
    near = times[min(times, key=lambda number: abs(number - packet))]
    pairs = list(pairwise(sorted(times.values())))
    usual = sorted(high - low for low, high in pairs)[len(pairs) // 2]
    wide = [(low, high) for low, high in pairs if 2 * (high - low) > 3 * usual]
    return min(wide or pairs, key=lambda pair: abs(pair[0] + pair[1] - 2 * near))


def _merged(parts: Sequence[Part], jump: int) -> tuple[list[Part], set[int]]:
    """The parts, those that a single packet separates as one; and these packets."""
    merged: list[Part] = []
    singles: set[int] = set()
    for place, part in enumerate(parts):
        before = merged[-1] if merged else None
        after = parts[place + 1] if place + 1 < len(parts) else None
        if before and part.first_packet - 1 in singles:
            merged[-1] = replace(_joined(before, part), last_dts=part.last_dts)
        elif before and after and _goes_on(before, part, after, jump):
            merged[-1] = _joined(before, part)
            singles.add(part.first_packet)
        else:
            merged.append(part)
    return merged, singles


def _goes_on(before: Part, part: Part, after: Part, jump: int) -> bool:
    is_single = after.first_packet == part.first_packet + 1
    return is_single and 0 < after.first_dts - before.last_dts <= jump


def _joined(part: Part, other: Part) -> Part:
    starts = [it.start_pts for it in (part, other) if it.start_pts is not None]
    ends = [it.end_pts for it in (part, other) if it.end_pts is not None]
    return replace(part, start_pts=min(starts, default=None), end_pts=max(ends, default=None))


def _measured(part: Part, end: int, pts: "array[int]", wrong: set[int]) -> Part:
    """The part, which goes on to the packet `end`, with its times without the wrong ones."""
    numbers = range(part.first_packet, end)
    times = [pts[number] for number in numbers if number not in wrong and pts[number] != NO_PTS]
    last = nlargest(2, times)
    return replace(part, start_pts=min(times), end_pts=2 * last[0] - last[1])


def with_strays(found: Sequence[Discontinuity], strays: Sequence[Stray]) -> list[Discontinuity]:
    """The discontinuities, and for each stray packet one there and one back."""
    starts = [change.first_packet for change in found]
    changes = list(found)
    for stray in strays:
        place = bisect_right(starts, stray.packet)
        offset = found[place - 1].offset if place else 0
        shown = stray.pts + offset
        there = shown - stray.wrong_pts
        changes.append(Discontinuity(stray.packet, shown, stray.pts, stray.wrong_pts, there))
        if stray.packet + 1 not in starts:
            changes.append(Discontinuity(stray.packet + 1, shown, stray.wrong_pts, stray.pts, offset))
    return sorted(changes, key=lambda change: change.first_packet)
