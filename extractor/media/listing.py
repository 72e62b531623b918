"""The packet listing that FFmpeg's framecrc muxer prints, as values. Pure.

Videos have many packets, so a listing is taken in pieces of whole lines, as they come.
"""

import re
from array import array
from collections.abc import Iterable
from fractions import Fraction
from itertools import compress

from msgspec import Struct, field

Stamps = set[tuple[int, int]]
"""dts and pts of packets."""

NO_PTS = -(1 << 63)
KEY, CORRUPT, DISCARD = 1, 2, 4

_IS_SHOWN = bytes(not flags & DISCARD for flags in range(256))
_IS_KEYFRAME = bytes(flags & KEY for flags in range(256))


class Packets(Struct, frozen=True):
    """The packets of one stream in decode order, as columns. Times are in units of `time_base`
    seconds; a missing pts is -2**63. `flags`: 1 keyframe, 2 corrupt, 4 not to be shown."""

    time_base: Fraction
    dts: "array[int]" = field(default_factory=lambda: array("q"))
    pts: "array[int]" = field(default_factory=lambda: array("q"))
    durations: "array[int]" = field(default_factory=lambda: array("q"))
    flags: bytearray = field(default_factory=bytearray)

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def are_shown(self) -> bytearray:
        """For each packet a byte, 1 if it is shown, else 0."""
        return self.flags.translate(_IS_SHOWN)

    @property
    def are_keyframes(self) -> bytearray:
        """For each packet a byte, 1 if it is marked as keyframe, else 0."""
        return self.flags.translate(_IS_KEYFRAME)

    @property
    def shown_pts(self) -> list[int]:
        """The pts of every packet that is shown, ascending; empty if any has none."""
        return [] if NO_PTS in self.pts else sorted(compress(self.pts, self.are_shown))

    @property
    def end_pts(self) -> int | None:
        """Where the last shown packet ends."""
        timed = zip(self.pts, self.durations, self.are_shown, strict=True)
        return max(
            (pts + duration for pts, duration, shown in timed if shown and pts != NO_PTS), default=None
        )

    @property
    def stamps(self) -> list[tuple[int, int]]:
        """dts and pts of each packet: what tells it from the others."""
        return list(zip(self.dts, self.pts, strict=True))


class Listing(Struct):
    """All of it; streams by number."""

    packets: dict[int, Packets] = field(default_factory=dict)
    codec: str = ""
    width: int = 0
    height: int = 0
    encrypted: bool = False

    @property
    def stream(self) -> Packets:
        return self.packets.get(0) or Packets(Fraction(1))

    @property
    def end_seconds(self) -> Fraction | None:
        ends = [
            end * packets.time_base
            for packets in self.packets.values()
            if (end := packets.end_pts) is not None
        ]
        return max(ends, default=None)


def parse_listing(pieces: Iterable[bytes]) -> Listing:
    listing = Listing()
    for piece in pieces:
        listing.encrypted = listing.encrypted or b"Encryption info" in piece
        for line in piece.splitlines():
            if line.startswith(b"#"):
                _parse_header_line(listing, line.decode("ascii", "replace"))
            else:
                _parse_packet_line(listing, line)
    return listing


def parse_stamps(pieces: Iterable[bytes]) -> Stamps:
    """Of the listing of a single stream only which packets are in it."""
    stamps: Stamps = set()
    for piece in pieces:
        for line in piece.splitlines():
            if not line.startswith(b"#"):
                _, dts, pts, _ = line.split(b",", 3)
                stamps.add((int(dts), int(pts)))
    return stamps


def _parse_header_line(listing: Listing, line: str) -> None:
    match = re.match(r"#(\w+) (\d+): (.+)", line)
    if match is None:
        return
    name, stream, value = match[1], int(match[2]), match[3].strip()
    if name == "tb":
        listing.packets[stream] = Packets(Fraction(value))
    elif name == "codec_id" and stream == 0:
        listing.codec = value
    elif name == "dimensions" and stream == 0:
        listing.width, listing.height = (int(part) for part in value.split("x"))


def _parse_packet_line(listing: Listing, line: bytes) -> None:
    stream, dts, pts, duration, _, _, *rest = line.split(b",", 7)
    packets = listing.packets[int(stream)]
    packets.dts.append(int(dts))
    packets.pts.append(int(pts))
    packets.durations.append(int(duration))
    marked = rest and rest[0].startswith(b" F=")
    packets.flags.append(int(rest[0][3:], 16) & 0xFF if marked else KEY)
