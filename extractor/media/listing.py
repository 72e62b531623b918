"""The packet listing that FFmpeg's framecrc muxer prints, as values. Pure."""

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

NO_PTS = -(1 << 63)
KEY, CORRUPT, DISCARD = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Packets:
    """The packets of one stream in decode order, as columns. Times are in units of `time_base`
    seconds; a missing pts is -2**63. `flags`: 1 keyframe, 2 corrupt, 4 not to be shown."""

    time_base: Fraction
    dts: "array[int]" = field(default_factory=lambda: array("q"))
    pts: "array[int]" = field(default_factory=lambda: array("q"))
    durations: "array[int]" = field(default_factory=lambda: array("q"))
    flags: bytearray = field(default_factory=bytearray)

    def __len__(self) -> int:
        return len(self.pts)

    def is_shown(self, place: int) -> bool:
        return not self.flags[place] & DISCARD

    def is_keyframe(self, place: int) -> bool:
        return bool(self.flags[place] & KEY)

    @property
    def shown_pts(self) -> list[int]:
        """The pts of every packet that is shown, ascending; empty if any has none."""
        if NO_PTS in self.pts:
            return []
        return sorted(pts for place, pts in enumerate(self.pts) if self.is_shown(place))

    @property
    def end_pts(self) -> int | None:
        """Where the last shown packet ends."""
        ends = (
            pts + self.durations[place]
            for place, pts in enumerate(self.pts)
            if pts != NO_PTS and self.is_shown(place)
        )
        return max(ends, default=None)

    @property
    def stamps(self) -> list[tuple[int, int]]:
        """dts and pts of each packet: what tells it from the others."""
        return list(zip(self.dts, self.pts, strict=True))


@dataclass(slots=True)
class Listing:
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


def parse_listing(lines: Iterable[str]) -> Listing:
    listing = Listing()
    for line in lines:
        if line.startswith("#"):
            _parse_header_line(listing, line)
        else:
            _parse_packet_line(listing, line)
    return listing


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


def _parse_packet_line(listing: Listing, line: str) -> None:
    stream, dts, pts, duration, _, _, *rest = line.split(",")
    flag = rest[0].strip() if rest else ""
    packets = listing.packets[int(stream)]
    packets.dts.append(int(dts))
    packets.pts.append(int(pts))
    packets.durations.append(int(duration))
    packets.flags.append(int(flag[2:], 16) & 0xFF if flag.startswith("F=") else KEY)
    listing.encrypted = listing.encrypted or any("Encryption info" in part for part in rest)
