"""What comes out of a child process: all its pipes are served by one selector loop, so that a flood on one
can never block another."""

import os
import selectors
import time
from collections.abc import Iterator

from msgspec import Struct, field

from extractor.errors import DeadlineError, DecoderHungError
from extractor.media.stderr import Stderr

_CHUNK_BYTES = 1 << 18


class Budget(Struct, frozen=True):
    """What a child may use. `deadline` is a `time.monotonic()` value in seconds."""

    deadline: float
    stall_seconds: float
    memory_bytes: int

    @property
    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()


class Pipes(Struct):
    """The output streams of a child, by name. Reading waits at most as the budget says."""

    stderr: Stderr
    budget: Budget
    _selector: selectors.BaseSelector
    _buffers: dict[str, bytearray] = field(default_factory=dict)
    _open: dict[str, int] = field(default_factory=dict)
    _held: str = "stdout"
    _started: float = field(default_factory=time.monotonic)
    _last_sign: float = field(default_factory=time.monotonic)

    def line(self, stream: str) -> bytes | None:
        """The next line of `stream` without its end; `None` at the end of the stream."""
        buffer = self._buffers[stream]
        while (end := buffer.find(b"\n")) < 0:
            if not self._fill(stream):
                return None
        line = bytes(buffer[:end])
        del buffer[: end + 1]
        return line

    def pieces(self, stream: str) -> Iterator[bytes]:
        """All that is left of `stream`, in pieces of whole lines: for many lines far cheaper than `line`."""
        buffer = self._buffers[stream]
        more = True
        while more:
            if end := buffer.rfind(b"\n") + 1:
                yield bytes(buffer[:end])
                del buffer[:end]
            more = self._fill(stream)

    def exactly(self, stream: str, size: int) -> bytes | None:
        """The next `size` bytes of `stream`; `None` if it ends before."""
        buffer = self._buffers[stream]
        while len(buffer) < size:
            if not self._fill(stream):
                return None
        with memoryview(buffer) as view:
            data = bytes(view[:size])
        del buffer[:size]
        return data

    def drain(self) -> None:
        """Read and forget everything that is left."""
        for stream in tuple(self._open):
            while self._fill(stream):
                self._buffers[stream].clear()

    def _fill(self, wanted: str) -> bool:
        """Wait until `wanted` has more bytes (True) or ends (False), serving the other pipes meanwhile.

        Images are the one thing that is not read ahead: what nobody asked for stays in FFmpeg.
        """
        while wanted in self._open:
            self._watch_images(wanted == self._held)
            ready = self._selector.select(max(0.0, min(self.budget.seconds_left, self.budget.stall_seconds)))
            if not ready or self.budget.seconds_left <= 0:
                raise self.out_of_time()
            fed = {key.data for key, _ in ready if self._read(key.fd, key.data)}
            if wanted in fed:
                return True
        return False

    def _watch_images(self, wanted: bool) -> None:
        descriptor = self._open.get(self._held)
        if descriptor is None:
            return
        if wanted and descriptor not in self._selector.get_map():
            self._selector.register(descriptor, selectors.EVENT_READ, self._held)
        elif not wanted and descriptor in self._selector.get_map():
            self._selector.unregister(descriptor)

    def _read(self, descriptor: int, stream: str) -> bool:
        data = os.read(descriptor, _CHUNK_BYTES)
        if not data:
            self._selector.unregister(descriptor)
            del self._open[stream]
        elif stream == "stderr":
            self.stderr.feed(data)
        else:
            self._buffers[stream] += data
            self._last_sign = time.monotonic()
        return bool(data)

    def out_of_time(self) -> DeadlineError | DecoderHungError:
        """Slow or hung? A child that was silent for half of its life is not merely slow."""
        now = time.monotonic()
        silent = now - self._last_sign
        if silent >= min(self.budget.stall_seconds, (now - self._started) / 2):
            return DecoderHungError(f"FFmpeg gave no sign of life for {silent:.1f} s")
        return DeadlineError("the time of this invocation ended while FFmpeg was at work")
