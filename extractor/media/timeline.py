"""The images that come out of FFmpeg, and the instants that they answer."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from extractor.errors import UnreadableError
from extractor.media.process import Child
from extractor.media.sampling import InstantClock, Instants


@dataclass(frozen=True, slots=True)
class Image:
    """One encoded picture, and its time in units of `time_base`."""

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
    """The images as they come."""
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
    time_base: Fraction
    expected_first_pts: int | None
    instants: Instants
    first_pts: int = 0
    last_pts: int | None = None
    _clock: InstantClock | None = None

    def slot_of(self, image: Image) -> int | None:
        """The instant that `image` answers. FFmpeg may send an image that answers none: it forgets the
        frame before when the picture's size changes midway. Raises `OtherStartError` at the first
        frame if the instants were not counted from there."""
        while (pts := self._next()) is not None:
            clock = self._clock or self._start(pts, image.time_base)
            slot = clock.answered_slot(pts)
            if pts == image.pts:
                return slot
        raise UnreadableError("FFmpeg lost count of the frames of this video")

    def finish(self) -> None:
        """Read on to the last frame."""
        while (pts := self._next()) is not None:
            if self._clock is None:
                self._start(pts, self.time_base)

    def _next(self) -> int | None:
        line = self.child.line("frames")
        if line is None:
            return None
        self.last_pts = int(line)
        return self.last_pts

    def _start(self, pts: int, time_base: Fraction) -> InstantClock:
        if self.expected_first_pts is not None and (pts, time_base) != (
            self.expected_first_pts,
            self.time_base,
        ):
            raise OtherStartError(pts, time_base)
        self.first_pts = pts
        self._clock = InstantClock(pts, time_base, self.instants)
        return self._clock
