"""Parse packet listings, which FFmpeg's framecrc muxer prints. Pure.

Listings are parsed incrementally. Before it prints timestamps, FFmpeg changes those that it considers wrong.
So a bitstream filter first moves the needed values into fields that FFmpeg leaves alone: see `LISTED_STAMPS`
and `NUMBERED`. https://ffmpeg.org/ffmpeg-bitstream-filters.html#setts
"""

import re
from array import array
from collections.abc import Sequence
from fractions import Fraction
from itertools import repeat
from operator import eq, mod, sub
from typing import Final

from extractor.errors import TooLargeError
from extractor.media.ffmpeg.framecrc import HEADER, PACKET, CompleteLines
from extractor.media.ffmpeg.packets import CORRUPT, DISCARD, KEY, NEW_PARAMETERS, NO_PTS
from extractor.media.ffmpeg.stream_packets import NO_DTS, StreamPackets

_FFMPEG_FLAGS: Final = KEY | CORRUPT | DISCARD

_DURATION_LIMIT: Final = 1 << 28
_DTS_OFFSET: Final = -NO_DTS
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

_LISTED_PACKET = re.compile(
    rb"^\d+, *(-?\d+), *(-?\d+), *(-?\d+), *\d+, 0x[0-9a-f]{8}(?:, F=0x([0-9A-F]+))?(.*)$", re.MULTILINE
)
"""`PACKET` with the groups that are needed here: it is faster."""


class _FlagValues(dict[bytes, int]):
    """The flags by their text in hexadecimal, of which there are few."""

    def __missing__(self, text: bytes) -> int:
        self[text] = int(text, 16) & _FFMPEG_FLAGS if text else KEY  # FFmpeg omits the flags of a keyframe
        return self[text]


class PacketListing(StreamPackets):
    """Incremental parser of the listing of one stream, made with `LISTED_STAMPS`."""

    def __init__(self, max_packets: int) -> None:
        super().__init__()
        self._flag_values = _FlagValues()
        self._lines = CompleteLines()
        self._max_packets = max_packets

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
        dts = list(map(sub, map(int, decoding), repeat(_DTS_OFFSET)))
        pts = array("q", map(int, stamps))
        if any(map(eq, stamps, numbers)):  # without a pts, FFmpeg uses the dts unless frames are reordered
            known = [NO_PTS if time == NO_DTS else time for time in dts]
            same = zip(stamps, numbers, pts, known, strict=True)
            pts = array("q", (time if stamp != number else decoded for stamp, number, time, decoded in same))
        values = bytearray(map(self._flag_values.__getitem__, flags))
        if b", S=" in piece:
            self._read_side_data(values, rests)
        if len(self) + len(pts) > self._max_packets:
            raise TooLargeError(f"the video has more packets than MAX_PACKETS={self._max_packets} allows")
        offsets = map(sub, map(int, numbers), repeat(_LOWEST_STAMP))
        self.extend(pts, dts, list(map(mod, offsets, repeat(_DURATION_LIMIT))), values)

    def _read_header(self, piece: bytes) -> None:
        for name, _, value in HEADER.findall(piece):
            if name == b"tb":
                self.time_base = Fraction(value.decode())
            elif name == b"codec_id":
                self.codec = value.decode("ascii", "replace").strip()
            elif name == b"dimensions":
                self.width, self.height = (int(part) for part in value.split(b"x"))

    def _read_side_data(self, flags: bytearray, rests: Sequence[bytes]) -> None:
        for position, rest in enumerate(rests):
            if b"New Extradata" in rest:
                flags[position] |= NEW_PARAMETERS
            elif b"Encryption info" in rest:
                self.encrypted = True


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
