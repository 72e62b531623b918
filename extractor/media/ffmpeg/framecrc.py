"""The lines that FFmpeg's framecrc muxer prints. Pure.

https://ffmpeg.org/ffmpeg-formats.html#framecrc
"""

import re
from typing import Final

PACKET: Final = re.compile(
    rb"^(\d+), *(-?\d+), *(-?\d+), *(-?\d+), *(\d+), (0x[0-9a-f]{8})(?:, F=0x([0-9A-F]+))?(.*)$", re.MULTILINE
)
"""A packet: stream, dts, pts, duration, size, checksum, flags if it is no plain keyframe, side data."""

HEADER: Final = re.compile(rb"^#(\w+) (\d+): +(.+)$", re.MULTILINE)
"""A property of a stream: name, stream, value."""


class CompleteLines:
    """Splits a stream of bytes into pieces of complete lines."""

    def __init__(self) -> None:
        self._rest = b""

    def whole(self, data: bytes) -> bytes:
        """Return the next bytes up to the last line break; keep the rest for the next call."""
        data = self._rest + data
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        return data[:end]
