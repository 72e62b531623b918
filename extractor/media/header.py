"""What FFmpeg prints of an input before it starts, as values. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Literal

from msgspec import Struct

Transfer = Literal["sdr", "pq", "hlg"]

_TRANSFERS: dict[str, Transfer] = {"smpte2084": "pq", "arib-std-b67": "hlg"}


class Header(Struct, frozen=True):
    """The container, and its first real video stream. Seconds, or `None` where unknown. `version` is
    what FFmpeg calls itself, `pixel_format` what it calls that of the stream."""

    version: str
    opened: bool
    has_video: bool
    container: str
    duration: Fraction | None
    start: Fraction
    rotation: float
    interlaced: bool
    transfer: Transfer
    pixel_format: str
    dolby_vision_profile: int | None

    @classmethod
    def parse(cls, facts: Iterable[str]) -> "Header":
        lines = list(_until_output(facts))
        text = "\n".join(lines)
        version = re.search(r"^ffmpeg version (\S+)", text, re.MULTILINE)
        opened = re.search(r"^Input #0, (.+), from '", text, re.MULTILINE)
        duration = re.search(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", text, re.MULTILINE)
        start = re.search(r"^  Duration: .*, start: (-?\d+\.\d+)", text, re.MULTILINE)
        video = "\n".join(_video_lines(lines))
        rotation = re.search(r"Display Matrix: rotation of (-?\d+\.\d+) degrees", video)
        pixel_format = re.search(r": Video: .*?, (\w+)[(,]", video)
        dolby_vision = re.search(r"DOVI configuration record: .*\bprofile: (\d+)", video)
        return cls(
            version=version[1] if version else "unknown",
            opened=opened is not None,
            has_video=bool(video),
            container=opened[1] if opened else "",
            duration=int(duration[1]) * 3600 + int(duration[2]) * 60 + Fraction(duration[3])
            if duration
            else None,
            start=Fraction(start[1]) if start else Fraction(0),
            rotation=float(rotation[1]) if rotation else 0.0,
            interlaced=re.search(r"\b(top|bottom) (coded )?first", video) is not None,
            transfer=next((kind for name, kind in _TRANSFERS.items() if name in video), "sdr"),
            pixel_format=pixel_format[1] if pixel_format else "unknown",
            dolby_vision_profile=int(dolby_vision[1]) if dolby_vision else None,
        )


def _until_output(facts: Iterable[str]) -> Iterator[str]:
    for fact in facts:
        if fact.startswith(("Stream mapping:", "Output #0", "Input #1")):
            return
        yield fact


def _video_lines(lines: Sequence[str]) -> Iterator[str]:
    """The line of the first video stream that is no cover art, and those of its side data."""
    found = False
    for line in lines:
        if line.startswith("  Stream #"):
            if found:
                return
            found = ": Video: " in line and "(attached pic)" not in line
        if found:
            yield line
