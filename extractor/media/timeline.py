"""The images that come out of FFmpeg, and the instants that they answer."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from extractor.errors import UnreadableError
from extractor.media import sampling
from extractor.media.process import Child


@dataclass(frozen=True, slots=True)
class Image:
    pts: int
    time_base: Fraction
    data: bytes = field(repr=False)


class OtherStartError(Exception):
    """The decoder's first frame is not where the index has it."""

    def __init__(self, first_pts: int, time_base: Fraction) -> None:
        super().__init__(first_pts, time_base)
        self.first_pts = first_pts
        self.time_base = time_base


def images(child: Child) -> Iterator[Image]:
    while (line := child.line("images")) is not None:
        pts, time_base, size = line.split()
        data = child.exactly("stdout", int(size))
        if data is None:  # FFmpeg died while it wrote; its exit status will tell
            return
        yield Image(int(pts), Fraction(time_base.decode()), data)


@dataclass(slots=True)
class Timeline:
    """The times of all decoded frames, read as far as the image at hand."""

    child: Child
    expected_first_pts: int | None
    interval: Fraction
    first_pts: int = 0
    last_pts: int | None = None
    _clock: sampling.InstantClock | None = None

    def slot_of(self, image: Image) -> int | None:
        """The instant that `image` answers. FFmpeg may send an image that answers none: it forgets the
        frame before when the picture's size changes midway."""
        clock = self._clock or self._start(image)
        while (line := self.child.line("frames")) is not None:
            slot = clock.answered_instant(int(line))
            self.last_pts = int(line)
            if self.last_pts == image.pts:
                return slot
        raise UnreadableError("FFmpeg lost count of the frames of this video")

    def _start(self, image: Image) -> sampling.InstantClock:
        if self.expected_first_pts is not None and image.pts != self.expected_first_pts:
            raise OtherStartError(image.pts, image.time_base)
        self.first_pts = image.pts
        self._clock = sampling.InstantClock(image.pts, image.time_base, self.interval)
        return self._clock

    def finish(self) -> None:
        while (line := self.child.line("frames")) is not None:
            self.last_pts = int(line)
