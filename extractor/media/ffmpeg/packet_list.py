"""Parse packet listings, which FFmpeg's framecrc muxer prints. Pure.

Listings are parsed incrementally. Before it prints timestamps, FFmpeg changes those that it considers wrong.
So a bitstream filter first moves the needed values into fields that FFmpeg leaves alone: see `LISTED_STAMPS`
and `NUMBERED`. https://ffmpeg.org/ffmpeg-bitstream-filters.html#setts
"""

import re
from array import array
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import accumulate, compress, repeat
from operator import add, eq, mod, ne, sub
from typing import Final

from msgspec.structs import replace

from extractor.errors import TooLargeError
from extractor.media.ffmpeg.discontinuities import JUMP_SECONDS, Part
from extractor.media.ffmpeg.framecrc import HEADER, PACKET, CompleteLines
from extractor.media.ffmpeg.packets import (
    CORRUPT,
    DISCARD,
    KEY,
    NEW_PARAMETERS,
    NO_PTS,
    PacketTable,
    are_shown,
)

_FFMPEG_FLAGS: Final = KEY | CORRUPT | DISCARD

_DURATION_LIMIT: Final = 1 << 28
_DTS_OFFSET: Final = 1 << 52
_LOWEST_STAMP: Final = -9_000_000_000_000_000  # FFmpeg computes with doubles, which are exact from here on
LISTED_STAMPS: Final = (
    f"setts=pts=PTS:dts=N*{_DURATION_LIMIT}+clip(DURATION\\,0\\,{_DURATION_LIMIT - 1})-9e15"
    f":duration=if(eq(DTS\\,NOPTS)\\,0\\,DTS+{_DTS_OFFSET})"
)
"""A bitstream filter that keeps the pts, writes the packet number and the duration into the dts, and the dts
into the duration. FFmpeg never changes a dts that ascends. Doubles hold these numbers exactly for up to 30
million packets, the maximum of the setting ``MAX_PACKETS``."""

NUMBERED: Final = "setts=ts=N"
"""A bitstream filter that replaces timestamps by the packet number, before filters that drop packets."""

_MAX_PARTS: Final = 1_000
_MAX_FAR_TIMES: Final = 1_000

_LISTED_PACKET = re.compile(
    rb"^\d+, *(-?\d+), *(-?\d+), *(-?\d+), *\d+, 0x[0-9a-f]{8}(?:, F=0x([0-9A-F]+))?(.*)$", re.MULTILINE
)
"""`PACKET` with the groups that are needed here: it is faster."""


def _carry_forward(last: int, time: int) -> int:
    return last if time == -_DTS_OFFSET else time


class _FlagValues(dict[bytes, int]):
    """The flags by their text in hexadecimal, of which there are few."""

    def __missing__(self, text: bytes) -> int:
        self[text] = int(text, 16) & _FFMPEG_FLAGS if text else KEY  # FFmpeg omits the flags of a keyframe
        return self[text]


class PacketListing:
    """Incremental parser of the listing of one stream, made with `LISTED_STAMPS`.

    Attributes:
        codec: FFmpeg's name of the codec.
        width: In pixels, before rotation; 0 if unknown.
        height: Likewise.
        encrypted: Whether packets have encryption side data.
        parts: The parts in which the dts ascend without a jump: see `discontinuities`.
        is_reordered: Whether the pts of any packet differs from its dts.
        ticks: The sum of the durations of all packets, in units of the time base.
        far_times: The numbers of packets whose pts is far from their dts; ``None`` if there are many.
    """

    def __init__(self, max_packets: int) -> None:
        self.codec = ""
        self.width = self.height = 0
        self.encrypted = False
        self.is_reordered = False
        self.ticks = 0
        self.parts: list[Part] = []
        self.far_times: list[int] | None = []
        self._time_base = Fraction(1)
        self._pts = array("q")
        self._flags = bytearray()
        self._flag_values = _FlagValues()
        self._lines = CompleteLines()
        self._max_packets = max_packets

    def mark_new_parameters(self, numbers: Iterable[int]) -> None:
        """Set the flag `NEW_PARAMETERS` of the packets with these numbers."""
        for number in numbers:
            if number < len(self._flags):
                self._flags[number] |= NEW_PARAMETERS

    @property
    def packets(self) -> PacketTable:
        """The packets parsed so far."""
        ends = [part.end_pts for part in self.parts if part.end_pts is not None]
        return PacketTable(self._time_base, self._pts, self._flags, max(ends, default=None))

    def feed(self, data: bytes) -> None:
        """Parse the next bytes of the listing.

        Raises:
            TooLargeError: There are more than `max_packets` packets.
        """
        piece = self._lines.whole(data)
        if b"#" in piece:
            self._read_header(piece)
        rows = _LISTED_PACKET.findall(piece)
        if not rows:
            return
        numbers, stamps, decoding, flags, rests = zip(*rows, strict=True)
        first = len(self._pts)
        dts = list(map(sub, map(int, decoding), repeat(_DTS_OFFSET)))
        pts = array("q", map(int, stamps))
        if any(map(eq, stamps, numbers)):  # without a pts, FFmpeg uses the dts unless frames are reordered
            known = [NO_PTS if time == -_DTS_OFFSET else time for time in dts]
            same = zip(stamps, numbers, pts, known, strict=True)
            pts = array("q", (time if stamp != number else decoded for stamp, number, time, decoded in same))
        self._pts += pts
        self._flags += bytes(map(self._flag_values.__getitem__, flags))
        if b", S=" in piece:
            self._read_side_data(first, rests)
        if len(self._pts) > self._max_packets:
            raise TooLargeError(f"the video has more packets than MAX_PACKETS={self._max_packets} allows")
        offsets = map(sub, map(int, numbers), repeat(_LOWEST_STAMP))
        durations = list(map(mod, offsets, repeat(_DURATION_LIMIT)))
        self.ticks += sum(durations)
        self._extend_parts(first, pts, dts, durations)

    def _read_header(self, piece: bytes) -> None:
        for name, _, value in HEADER.findall(piece):
            if name == b"tb":
                self._time_base = Fraction(value.decode())
            elif name == b"codec_id":
                self.codec = value.decode("ascii", "replace").strip()
            elif name == b"dimensions":
                self.width, self.height = (int(part) for part in value.split(b"x"))

    def _read_side_data(self, first: int, rests: Sequence[bytes]) -> None:
        for position, rest in enumerate(rests, first):
            if b"New Extradata" in rest:
                self._flags[position] |= NEW_PARAMETERS
            elif b"Encryption info" in rest:
                self.encrypted = True

    def _extend_parts(
        self, first: int, pts: "array[int]", dts: Sequence[int], durations: Sequence[int]
    ) -> None:
        """Extend the last part, and begin new parts where the dts does not ascend or jumps."""
        if -_DTS_OFFSET in dts:  # packets without a dts
            dts = list(accumulate(dts, _carry_forward))
        self.is_reordered = self.is_reordered or any(map(ne, pts, dts))
        if not self.parts:
            self.parts.append(Part(0, dts[0], dts[0]))
        jump = int(JUMP_SECONDS / self._time_base)
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


class NumberedPackets:
    """Incremental parser of the listing of the packets that pass a bitstream filter, made with `NUMBERED`.

    Attributes:
        marks: One byte per packet, 1 if it passes; ends with the last packet that passes.
        changes: The numbers of the packets whose filtered content differs from that of the one before.
    """

    def __init__(self) -> None:
        self.marks = bytearray()
        self.changes: list[int] = []
        self._last: tuple[bytes, bytes] | None = None
        self._lines = CompleteLines()

    def feed(self, data: bytes) -> None:
        """Parse the next bytes of the listing."""
        rows = PACKET.findall(self._lines.whole(data))
        if not rows:
            return
        numbers = [int(row[1]) for row in rows]
        if numbers[-1] >= len(self.marks):
            self.marks.extend(bytes(numbers[-1] + 1 - len(self.marks)))
        for number, row in zip(numbers, rows, strict=True):
            self.marks[number] = 1
            content = row[4], row[5]
            if content != self._last:
                self.changes.append(number)
                self._last = content


class OtherStreams:
    """Incremental parser of a plain listing of the other streams.

    Attributes:
        end_seconds: The end of the last packet; ``None`` if no packet has a pts.
    """

    def __init__(self, max_packets: int) -> None:
        self.end_seconds: Fraction | None = None
        self._max_packets = max_packets
        self._time_bases: dict[bytes, Fraction] = {}
        self._starts = array("d")
        self._lines = CompleteLines()

    def feed(self, data: bytes) -> None:
        """Parse the next bytes of the listing."""
        piece = self._lines.whole(data)
        for name, stream, value in HEADER.findall(piece) if b"#" in piece else ():
            if name == b"tb":
                self._time_bases[stream] = Fraction(value.decode())
        for stream, _, pts, duration, *_ in PACKET.findall(piece):
            if int(pts) != NO_PTS:
                end = (int(pts) + int(duration)) * self._time_bases[stream]
                self.end_seconds = max(end, self.end_seconds or end)
                if len(self._starts) < self._max_packets:
                    self._starts.append(float(int(pts) * self._time_bases[stream]))

    def has_any_between(self, start_seconds: float, end_seconds: float) -> bool:
        """Whether the pts of a packet lies between these times."""
        return any(start_seconds < start < end_seconds for start in self._starts)
