"""Collect the packets of one stream, and the parts in which its clock runs on. Pure."""

from array import array
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import accumulate, compress
from operator import add, ne, sub
from typing import Final

from msgspec.structs import replace

from extractor.media.ffmpeg.discontinuities import JUMP_SECONDS, Part
from extractor.media.ffmpeg.packets import DISCARD, NEW_PARAMETERS, NO_PTS, PacketTable, are_shown

NO_DTS: Final = -(1 << 52)
"""The dts of a packet without one."""

_MAX_PARTS: Final = 1_000
_MAX_FAR_TIMES: Final = 1_000


def _carry_forward(last: int, time: int) -> int:
    return last if time == NO_DTS else time


class StreamPackets:
    """The packets of one stream, collected in decode order.

    Attributes:
        codec: FFmpeg's name of the codec.
        width: In pixels, before rotation; 0 if unknown.
        height: Likewise.
        time_base: The unit of all timestamps, in seconds.
        parts: The parts in which the dts ascend without a jump: see `discontinuities`.
        is_reordered: Whether the pts of any packet differs from its dts.
        ticks: The sum of the durations of all packets, in units of the time base.
        far_times: The numbers of packets whose pts is far from their dts; ``None`` if there are many.
        encrypted: Whether packets have encryption side data.
    """

    def __init__(
        self, codec: str = "", width: int = 0, height: int = 0, time_base: Fraction = Fraction(1)
    ) -> None:
        self.codec = codec
        self.width, self.height = width, height
        self.time_base = time_base
        self.is_reordered = False
        self.ticks = 0
        self.parts: list[Part] = []
        self.far_times: list[int] | None = []
        self.encrypted = False
        self._pts = array("q")
        self._flags = bytearray()

    def __len__(self) -> int:
        return len(self._pts)

    def mark_new_parameters(self, numbers: Iterable[int]) -> None:
        """Set the flag `NEW_PARAMETERS` of the packets with these numbers."""
        for number in numbers:
            if number < len(self._flags):
                self._flags[number] |= NEW_PARAMETERS

    @property
    def packets(self) -> PacketTable:
        """The packets collected so far."""
        ends = [part.end_pts for part in self.parts if part.end_pts is not None]
        return PacketTable(self.time_base, self._pts, self._flags, max(ends, default=None))

    def extend(
        self, pts: "array[int]", dts: Sequence[int], durations: Sequence[int], flags: bytes | bytearray
    ) -> None:
        """Add packets.

        Args:
            pts: The presentation timestamps; `NO_PTS` for packets without one.
            dts: The decoding timestamps; `NO_DTS` for packets without one.
            durations: The durations.
            flags: The flags, as of `PacketTable`.
        """
        first = len(self._pts)
        self._pts += pts
        self._flags += flags
        self.ticks += sum(durations)
        self._extend_parts(first, pts, dts, durations)

    def _extend_parts(
        self, first: int, pts: "array[int]", dts: Sequence[int], durations: Sequence[int]
    ) -> None:
        """Extend the last part, and begin new parts where the dts does not ascend or jumps."""
        if NO_DTS in dts:  # packets without a dts
            dts = list(accumulate(dts, _carry_forward))
        self.is_reordered = self.is_reordered or any(map(ne, pts, dts))
        if not self.parts:
            self.parts.append(Part(0, dts[0], dts[0]))
        jump = int(JUMP_SECONDS / self.time_base)
        self._record_far_times(first, pts, dts, jump)
        steps = list(map(sub, dts, [self.parts[-1].last_dts, *dts[:-1]]))
        start = 0
        if min(steps) < 0 or max(steps) > jump or self.parts[-1].first_packet == first - 1:
            for position, step in enumerate(steps):
                duration = durations[max(0, position - 1)]
                is_other_clock = (
                    -step > max(1, duration) or step > jump or self._is_return(first + position, step)
                )
                if is_other_clock and len(self.parts) < _MAX_PARTS:
                    self._extend_part(first, pts, dts, durations, start, position)
                    self.parts.append(Part(first + position, dts[position], dts[position], step, duration))
                    start = position
        self._extend_part(first, pts, dts, durations, start, len(dts))

    def _is_return(self, number: int, step: int) -> bool:
        """Whether the packet before is a single one that steps back, and this packet steps forward again."""
        last = self.parts[-1]
        return last.step < 0 < last.first_packet == number - 1 and step > -last.step

    def _record_far_times(self, first: int, pts: "array[int]", dts: Sequence[int], jump: int) -> None:
        offsets = list(map(sub, pts, dts))
        if self.far_times is None or -jump <= min(offsets) <= max(offsets) <= jump:
            return
        for position, offset in enumerate(offsets):
            is_shown = not self._flags[first + position] & DISCARD
            if abs(offset) > jump and pts[position] != NO_PTS and is_shown:
                self.far_times.append(first + position)
        if len(self.far_times) > _MAX_FAR_TIMES:
            self.far_times = None

    def _extend_part(
        self,
        first: int,
        pts: "array[int]",
        dts: Sequence[int],
        durations: Sequence[int],
        start: int,
        end: int,
    ) -> None:
        if start == end:
            return
        shown = are_shown(self._flags[first + start : first + end])
        times = list(compress(pts[start:end], shown))
        lasting = compress(durations[start:end], shown)
        last = self.parts[-1]
        known = [time for time in (last.start_pts, last.end_pts) if time is not None]
        if NO_PTS in times:
            lasting = compress(lasting, [time != NO_PTS for time in times])
            times = [time for time in times if time != NO_PTS]
            if known or times:  # assume the reordering delay of the first packet
                delay = (known or times)[0] - last.first_dts
                known.append(dts[end - 1] + delay + durations[end - 1])
        self.parts[-1] = replace(
            last,
            last_dts=dts[end - 1],
            start_pts=min([*times, *known], default=None),
            end_pts=max([*map(add, times, lasting), *known], default=None),
        )
