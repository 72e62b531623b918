"""Parse what FFmpeg tells about the times of audio. Pure."""

import re
from fractions import Fraction
from typing import Final

from extractor.media.ffmpeg.framecrc import HEADER, PACKET, CompleteLines
from extractor.media.ffmpeg.packets import NO_PTS

_SPEAKERS: Final = {
    "mono": 1,
    "stereo": 2,
    "downmix": 2,
    "quad": 4,
    "quad(side)": 4,
    "hexagonal": 6,
    "octagonal": 8,
    "cube": 8,
    "hexadecagonal": 16,
}
_NUMBERED_LAYOUT = re.compile(r"(\d+(?:\.\d+)+)(?:\(\w+\))?")
_UNNAMED_LAYOUT = re.compile(r"(\d+) channels\b")
_FRAME = re.compile(rb"^(-?\d+) (\d+)/(\d+) (\d+) (\d+)$", re.MULTILINE)


class AudioPackets:
    """Incremental parser of the listing of an audio track.

    Attributes:
        codec: FFmpeg's name of the codec; empty if there is no such track.
        sample_rate: In Hz; 0 if unknown.
        channels: Their number; ``None`` if unknown.
        start: The time of the first packet; ``None`` if no packet has one.
        end: The end of the last packet, likewise.
    """

    def __init__(self) -> None:
        self.codec = ""
        self.sample_rate = 0
        self.channels: int | None = None
        self.start: Fraction | None = None
        self.end: Fraction | None = None
        self._time_base = Fraction(1)
        self._lines = CompleteLines()

    def feed(self, data: bytes) -> None:
        """Parse the next bytes of the listing."""
        piece = self._lines.whole(data)
        for name, _, value in HEADER.findall(piece) if b"#" in piece else ():
            self._add_property(name, value.decode("ascii", "replace").strip())
        for _, _, pts, duration, *_ in PACKET.findall(piece):
            if int(pts) != NO_PTS:
                start = int(pts) * self._time_base
                end = start + int(duration) * self._time_base
                self.start = start if self.start is None else min(start, self.start)
                self.end = end if self.end is None else max(end, self.end)

    def _add_property(self, name: bytes, value: str) -> None:
        if name == b"tb":
            self._time_base = Fraction(value)
        elif name == b"codec_id":
            self.codec = value
        elif name == b"sample_rate":
            self.sample_rate = int(value)
        elif name == b"channel_layout_name":
            self.channels = channel_count(value)


class AudioFrames:
    """Incremental parser of the lines ``pts num/den first-sample samples`` of all frames of audio.

    Attributes:
        start: The time of the first frame; ``None`` without frames.
        samples: The number of samples of one channel.
    """

    def __init__(self) -> None:
        self.start: Fraction | None = None
        self.samples = 0
        self._lines = CompleteLines()

    def feed(self, data: bytes) -> None:
        """Parse the next bytes."""
        for pts, numerator, denominator, first, count in _FRAME.findall(self._lines.whole(data)):
            if self.start is None:
                self.start = int(pts) * Fraction(int(numerator), int(denominator))
            self.samples = int(first) + int(count)


def channel_count(layout: str) -> int | None:
    """Return the number of channels of a layout, by FFmpeg's name for it; ``None`` if it is not known."""
    if numbered := _NUMBERED_LAYOUT.fullmatch(layout):
        return sum(map(int, numbered[1].split(".")))
    unnamed = _UNNAMED_LAYOUT.match(layout)
    return int(unnamed[1]) if unnamed else _SPEAKERS.get(layout)
