"""Read the timestamps of decoded frames and the encoded images from the pipes of FFmpeg."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import ClassVar

from msgspec import Struct

from extractor.domain.values import ValueWithLargeFields
from extractor.media.ffmpeg.pipes import ProcessPipes


class Timestamp(Struct, frozen=True):
    """The presentation timestamp of a decoded frame, in units of `time_base` seconds."""

    pts: int
    time_base: Fraction


class EncodedImage(ValueWithLargeFields, frozen=True):
    """An encoded image, its timestamp, and its small grey picture if that was requested."""

    large_fields: ClassVar = frozenset({"data", "grey"})

    timestamp: Timestamp
    data: bytes
    grey: bytes | None


class FirstFrameMismatchError(Exception):
    """The first decoded frame has another timestamp than the index gives."""

    def __init__(self, start: Timestamp) -> None:
        super().__init__(start)
        self.start = start


def images(pipes: ProcessPipes, grey_bytes: int = 0) -> Iterator[EncodedImage]:
    """Yield the images as FFmpeg writes them.

    Args:
        pipes: The pipes of the running FFmpeg.
        grey_bytes: The size of the small grey picture of each image; 0 without such pictures.
    """
    while (line := pipes.line("images")) is not None:
        *timestamp, size = line.split()
        data = pipes.read_exactly("stdout", int(size))
        grey = pipes.read_exactly("measures", grey_bytes) if grey_bytes else None
        if data is None or (grey_bytes and grey is None):
            return  # FFmpeg died while it wrote: the caller checks its exit status
        yield EncodedImage(_timestamp(*timestamp), data, grey)


def timestamps(
    pipes: ProcessPipes, read_before: Callable[[ProcessPipes], object] | None = None
) -> Iterator[Timestamp]:
    """Yield the timestamps of all decoded frames as FFmpeg writes them.

    Args:
        pipes: The pipes of the running FFmpeg.
        read_before: Called before each timestamp, to read what FFmpeg writes after it: so Python waits once
            for both.
    """
    while True:
        if read_before:
            read_before(pipes)
        if (line := pipes.line("frames")) is None:
            return
        yield _timestamp(*line.split())


def _timestamp(pts: bytes, time_base: bytes) -> Timestamp:
    return Timestamp(int(pts), _fraction(time_base))


@lru_cache
def _fraction(text: bytes) -> Fraction:
    return Fraction(text.decode())
