"""What comes out of a decode: the time of every frame, and the images of some."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from msgspec import Struct

from extractor.media.ffmpeg.pipes import ProcessPipes


class Timestamp(Struct, frozen=True):
    """The time of a decoded frame, in units of `time_base`."""

    pts: int
    time_base: Fraction


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """One encoded picture, and when it is shown."""

    moment: Timestamp
    data: bytes = field(repr=False)
    grey: bytes | None = field(repr=False)


class FirstFrameMismatchError(Exception):
    """The decoder's first frame is not where the index has it."""

    def __init__(self, start: Timestamp) -> None:
        super().__init__(start)
        self.start = start


def images(pipes: ProcessPipes, grey_bytes: int = 0) -> Iterator[EncodedImage]:
    """The images as they come, each with its small grey picture if that has any bytes."""
    while (line := pipes.line("images")) is not None:
        *moment, size = line.split()
        data = pipes.read_exactly("stdout", int(size))
        grey = pipes.read_exactly("measures", grey_bytes) if grey_bytes else None
        if data is None or (grey_bytes and grey is None):
            return  # FFmpeg died while it wrote; its exit status will tell
        yield EncodedImage(_timestamp(*moment), data, grey)


def timestamps(pipes: ProcessPipes) -> Iterator[Timestamp]:
    """The times of all decoded frames as they come."""
    while (line := pipes.line("frames")) is not None:
        yield _timestamp(*line.split())


def _timestamp(pts: bytes, time_base: bytes) -> Timestamp:
    return Timestamp(int(pts), _fraction(time_base))


@lru_cache
def _fraction(text: bytes) -> Fraction:
    return Fraction(text.decode())
