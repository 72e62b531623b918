"""What FFmpeg prints of an input before it starts, as values. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Header:
    """What FFmpeg prints of the input before it starts. Seconds, or `None` where unknown."""

    opened: bool
    has_video: bool
    container: str
    duration: Fraction | None
    start: Fraction
    rotation: float

    @classmethod
    def parse(cls, facts: Iterable[str]) -> "Header":
        text = "\n".join(_until_output(facts))
        opened = re.search(r"^Input #0, (.+), from '", text, re.MULTILINE)
        duration = re.search(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", text, re.MULTILINE)
        start = re.search(r"^  Duration: .*, start: (-?\d+\.\d+)", text, re.MULTILINE)
        rotation = re.search(r"Display Matrix: rotation of (-?\d+\.\d+) degrees", text)
        return cls(
            opened=opened is not None,
            has_video=re.search(r"^  Stream #0:.*: Video: (?!.*\(attached pic\))", text, re.MULTILINE)
            is not None,
            container=opened[1] if opened else "",
            duration=int(duration[1]) * 3600 + int(duration[2]) * 60 + Fraction(duration[3])
            if duration
            else None,
            start=Fraction(start[1]) if start else Fraction(0),
            rotation=float(rotation[1]) if rotation else 0.0,
        )


def _until_output(facts: Iterable[str]) -> Iterator[str]:
    for fact in facts:
        if fact.startswith(("Stream mapping:", "Output #0")):
            return
        yield fact
