"""Read all output pipes of a child process in one selector loop, with bounded memory.

The loop serves all pipes while the caller waits for one of them, so a full pipe does not block the others.

At most `_AHEAD_BYTES` are read ahead from a pipe that the caller does not wait for. Then the pipe fills up
and FFmpeg blocks: it encodes images no faster than they are stored. FFmpeg's threads pass only a few frames
or packets to each other, so the data that the caller waits for is rarely behind a full pipe. If it is, FFmpeg
uses no CPU time, and the limit is doubled, up to `_MAX_AHEAD_BYTES`. `feed_all` reads packet listings of any
length without buffering.
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
_MAX_AHEAD_BYTES = 1 << 26
_STANDSTILL_SECONDS = 0.1


class ProcessLimits(Struct, frozen=True):
    """The limits of a child process.

    Attributes:
        deadline: When it is killed, on the clock of `time.monotonic()`, in seconds.
        stall_seconds: How long it may be idle before it counts as hung: see `liveness`.
        memory_bytes: The size of its address space.
    """

    deadline: float
    stall_seconds: float
    memory_bytes: int

    @property
    def seconds_left(self) -> float:
        """The time until the deadline; negative after it."""
        return self.deadline - time.monotonic()


class ProcessPipes(Struct):
    """The output pipes of a child, by name.

    All methods that read raise `DeadlineError` at the deadline, and `DecoderHungError` if the child is hung.
    """

    stderr: FFmpegLog
    budget: ProcessLimits
    liveness: Liveness
    _selector: selectors.BaseSelector
    _open: dict[str, int]
    _buffers: dict[str, bytearray] = field(default_factory=dict)
    _ahead_bytes: int = _AHEAD_BYTES
    _watched: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._buffers.update({stream: bytearray() for stream in self._open})

    def feed_all(self, sinks: Mapping[str, Callable[[bytes], object]]) -> None:
        """Read every pipe to its end.

        Args:
            sinks: For each pipe a function that gets its bytes as they arrive, in pieces of any size. Bytes
                of other pipes are discarded. Exceptions of a sink propagate.
        """
        self.liveness.record_output()
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
                    self.liveness.record_output()  # after the sink, which may have been slow

    def line(self, stream: str) -> bytes | None:
        """Read the next line of `stream`, without its line break; ``None`` at the end of the stream."""
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
        """Read the next `size` bytes of `stream`; ``None`` if it ends before."""
        buffer = self._buffers[stream]
        while len(buffer) < size:
            if not self._fill(stream):
                return None
        with memoryview(buffer) as view:
            data = bytes(view[:size])
        del buffer[:size]
        return data

    def read_into(self, stream: str, target: memoryview) -> bool:
        """Fill `target` with the next bytes of `stream`, copying them once; ``False`` if it ends before."""
        buffer = self._buffers[stream]
        filled = min(len(buffer), len(target))
        target[:filled] = buffer[:filled]
        del buffer[:filled]
        while filled < len(target) and stream in self._open:
            if self.budget.seconds_left <= 0:
                raise self.deadline_error()
            try:
                received = os.readv(self._open[stream], [target[filled:]])
            except BlockingIOError:
                self._wait_for(stream)
                continue
            if not received:
                self._close(stream)
            filled += received
        return filled == len(target)

    def has_unread(self, stream: str) -> bool:
        """Whether bytes of `stream` are in the buffer. Does not wait."""
        return bool(self._buffers[stream])

    def drain(self) -> None:
        """Read all pipes to their ends and discard the bytes."""
        self.feed_all({})

    def _fill(self, wanted: str) -> bool:
        """Wait until `wanted` has more bytes (``True``) or ends (``False``), and serve the other pipes."""
        if wanted in self._open:
            self._wait_for(wanted)
            self._buffers[wanted] += self._read(wanted)
        return wanted in self._open

    def _wait_for(self, wanted: str) -> None:
        """Wait until `wanted` can be read, and serve the other pipes."""
        self.liveness.record_output()
        while True:
            is_any_full = False
            for stream in self._open:
                is_full = stream != wanted and len(self._buffers[stream]) >= self._ahead_bytes
                self._watch(stream, not is_full)
                is_any_full |= is_full
            ready = self._ready(_STANDSTILL_SECONDS if is_any_full else None)
            if is_any_full and not ready and not self.liveness.used_cpu:
                self._double_read_ahead()
            for stream in ready:
                if stream != wanted:
                    self._buffers[stream] += self._read(stream)
                if stream != "stderr":
                    self.liveness.record_output()
            if wanted in ready:
                return

    def _double_read_ahead(self) -> None:
        """Double the limit: FFmpeg waits for a full pipe, and the caller for another pipe."""
        self._ahead_bytes *= 2
        if self._ahead_bytes > _MAX_AHEAD_BYTES:
            raise TooLargeError("FFmpeg's output for this video is too large to be buffered in memory")

    def _watch(self, stream: str, watched: bool) -> None:
        if watched == (stream in self._watched):
            return
        if watched:
            self._selector.register(self._open[stream], selectors.EVENT_READ, stream)
            self._watched.add(stream)
        else:
            self._selector.unregister(self._open[stream])
            self._watched.remove(stream)

    def _ready(self, seconds: float | None = None) -> list[str]:
        """Return the watched pipes that can be read; none if there is no data within `seconds`.

        Raises:
            DeadlineError: The deadline has passed.
            DecoderHungError: The child is hung.
        """
        interval = self.sampling_seconds
        ready = self._selector.select(seconds or interval)
        if self.budget.seconds_left <= 0:
            raise self.deadline_error()
        if not ready or self.liveness.is_due(interval):  # stderr may be ready all the time
            self.raise_if_hung()
        return [key.data for key, _ in ready]

    @property
    def sampling_seconds(self) -> float:
        """The interval of liveness samples: shorter towards the deadline."""
        return max(0.01, min(self.budget.seconds_left, self.budget.stall_seconds) / 4)

    def raise_if_hung(self) -> None:
        """Take a liveness sample, and raise `DecoderHungError` if the child is hung."""
        self.liveness.sample()
        if hang_reason := self.liveness.hang_reason:
            raise DecoderHungError(hang_reason)

    def _read(self, stream: str) -> bytes:
        """Read the available bytes; none at the end of the stream. Those of stderr go to its parser."""
        data = os.read(self._open[stream], _CHUNK_BYTES)
        if not data:
            self._close(stream)
        if stream == "stderr":
            self.stderr.feed(data)
            return b""
        return data

    def _close(self, stream: str) -> None:
        self._watch(stream, False)
        del self._open[stream]

    def deadline_error(self) -> DeadlineError | DecoderHungError:
        """Return the error at the deadline: the child is hung, or only slow."""
        self.liveness.sample()
        if hang_reason := self.liveness.hang_reason_at_deadline:
            return DecoderHungError(hang_reason)
        return DeadlineError("the time of this invocation ended while FFmpeg was running")
