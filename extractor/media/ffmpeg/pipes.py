"""What comes out of a child process. One selector loop serves all its pipes, whichever of them the caller
waits for, so that a full pipe can never block the others.

Memory is bounded. A pipe that nobody waits for is read `_AHEAD_BYTES` ahead and then left to fill, which
stops FFmpeg: it makes no images faster than they are stored. FFmpeg's threads hand each other only a few
frames or packets, so the data that the caller waits for is seldom behind a full pipe. Where it is, FFmpeg
stands still, and only then is the bound doubled, up to `_MOST_AHEAD_BYTES`. Listings of many packets are read
by `feed_all`, which keeps nothing.
"""

import os
import selectors
import time
from collections.abc import Callable, Mapping

from msgspec import Struct, field

from extractor.errors import DeadlineError, DecoderHungError, TooLargeError
from extractor.media.ffmpeg.liveness import Liveness
from extractor.media.ffmpeg.log import FFmpegLog

_CHUNK_BYTES = 1 << 18
_AHEAD_BYTES = 1 << 20
_MOST_AHEAD_BYTES = 1 << 26
_STANDSTILL_SECONDS = 0.1


class ProcessLimits(Struct, frozen=True):
    """What a child may use. `deadline` is a `time.monotonic()` value in seconds."""

    deadline: float
    stall_seconds: float
    memory_bytes: int

    @property
    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()


class ProcessPipes(Struct):
    """The output streams of a child, by name. Reading waits at most as the budget says."""

    stderr: FFmpegLog
    budget: ProcessLimits
    liveness: Liveness
    _selector: selectors.BaseSelector
    _open: dict[str, int]
    _buffers: dict[str, bytearray] = field(default_factory=dict)
    _ahead_bytes: int = _AHEAD_BYTES

    def __post_init__(self) -> None:
        self._buffers.update({stream: bytearray() for stream in self._open})

    def feed_all(self, sinks: Mapping[str, Callable[[bytes], object]]) -> None:
        """Read every pipe to its end. Bytes go to the sink of their pipe as they come, in pieces of any
        size; a pipe without a sink is read and forgotten. What a sink raises is passed on."""
        self.liveness.renew()
        for stream, buffer in self._buffers.items():
            if buffer and stream in sinks:
                sinks[stream](bytes(buffer))
            buffer.clear()
        for stream in self._open:
            self._watch(stream, True)
        while self._open:
            for stream in self._ready():
                if (data := self._read(stream)) and stream in sinks:
                    sinks[stream](data)
                if stream != "stderr":
                    self.liveness.renew()  # also after a sink that took its time

    def line(self, stream: str) -> bytes | None:
        """The next line of `stream` without its end; `None` at the end of the stream."""
        buffer = self._buffers[stream]
        searched = 0
        while (end := buffer.find(b"\n", searched)) < 0:
            searched = len(buffer)
            if not self._fill(stream):
                return None
        line = bytes(buffer[:end])
        del buffer[: end + 1]
        return line

    def read_exactly(self, stream: str, size: int) -> bytes | None:
        """The next `size` bytes of `stream`; `None` if it ends before."""
        buffer = self._buffers[stream]
        while len(buffer) < size:
            if not self._fill(stream):
                return None
        with memoryview(buffer) as view:
            data = bytes(view[:size])
        del buffer[:size]
        return data

    def arrived(self, stream: str) -> bool:
        """Whether bytes of `stream` have been read that nobody has asked for yet. Does not wait."""
        return bool(self._buffers[stream])

    def drain(self) -> None:
        """Read and forget everything that is left."""
        self.feed_all({})

    def _fill(self, wanted: str) -> bool:
        """Wait until `wanted` has more bytes (True) or ends (False), serving the other pipes meanwhile."""
        self.liveness.renew()
        while wanted in self._open:
            held = False
            for stream in self._open:
                is_held = stream != wanted and len(self._buffers[stream]) >= self._ahead_bytes
                self._watch(stream, not is_held)
                held |= is_held
            ready = self._ready(_STANDSTILL_SECONDS if held else None)
            if held and not ready and not self.liveness.worked:
                self._read_further_ahead()
            for stream in ready:
                self._buffers[stream] += self._read(stream)
                if stream != "stderr":
                    self.liveness.renew()
            if wanted in ready and wanted in self._open:
                return True
        return False

    def _read_further_ahead(self) -> None:
        """FFmpeg waits for a pipe that is not read, and the caller for another one."""
        self._ahead_bytes *= 2
        if self._ahead_bytes > _MOST_AHEAD_BYTES:
            raise TooLargeError("FFmpeg's account of this video is too long to be kept in memory")

    def _watch(self, stream: str, watched: bool) -> None:
        descriptor = self._open[stream]
        if watched == (descriptor in self._selector.get_map()):
            return
        if watched:
            self._selector.register(descriptor, selectors.EVENT_READ, stream)
        else:
            self._selector.unregister(descriptor)

    def _ready(self, seconds: float | None = None) -> list[str]:
        """The watched pipes that can be read; none if there is nothing to read for so many `seconds`, or for
        less. Raises if time is up, or if the child is hung."""
        ready = self._selector.select(seconds or self.sampling_seconds)
        if self.budget.seconds_left <= 0:
            raise self.out_of_time()
        if not ready or self.liveness.is_due(self.sampling_seconds):  # stderr alone may be ready for ever
            self.raise_if_hung()
        return [key.data for key, _ in ready]

    @property
    def sampling_seconds(self) -> float:
        """How often to look whether the child is at work: more often towards the deadline."""
        return max(0.01, min(self.budget.seconds_left, self.budget.stall_seconds) / 4)

    def raise_if_hung(self) -> None:
        self.liveness.look()
        if complaint := self.liveness.complaint:
            raise DecoderHungError(complaint)

    def _read(self, stream: str) -> bytes:
        """What there is to read; nothing at the end of the stream, and of stderr."""
        data = os.read(self._open[stream], _CHUNK_BYTES)
        if not data:
            self._watch(stream, False)
            del self._open[stream]
        if stream == "stderr":
            self.stderr.feed(data)
            return b""
        return data

    def out_of_time(self) -> DeadlineError | DecoderHungError:
        """Slow or hung, at the deadline?"""
        self.liveness.look()
        if complaint := self.liveness.complaint_at_deadline:
            return DecoderHungError(complaint)
        return DeadlineError("the time of this invocation ended while FFmpeg was at work")
