"""A confined FFmpeg: the only module that starts a process.

The child gets no shell, no environment but ``PATH``, no standard input, a session of its own, and
limits on memory, CPU time, descriptors, files and core dumps. It dies with its parent. All its
pipes are served by one selector loop, so that a flood on one can never block another; whoever
leaves the context, in whatever way, leaves no process behind.
"""

import fcntl
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from extractor.errors import DeadlineError, DecoderHungError
from extractor.media.confinement import confinement
from extractor.media.stderr import Stderr

_PIPE_BYTES = 1 << 20  # what a process without privileges may ask for
_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Budget:
    """What a child may use. `deadline` is a `time.monotonic()` value in seconds."""

    deadline: float
    stall_seconds: float
    memory_bytes: int

    @property
    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()


@dataclass(slots=True)
class Child:
    """A running FFmpeg and its output streams, by name. Reading waits at most as the budget says."""

    process: "subprocess.Popen[bytes]"
    stderr: Stderr
    _budget: Budget
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
        data = bytes(buffer[:size])
        del buffer[:size]
        return data

    def wait(self) -> int:
        """Read everything that is left and return the exit status (negative: ended by that signal)."""
        for stream in tuple(self._open):
            while self._fill(stream):
                self._buffers[stream].clear()
        try:
            return self.process.wait(
                timeout=max(0.1, min(self._budget.seconds_left, self._budget.stall_seconds))
            )
        except subprocess.TimeoutExpired as error:
            raise self._out_of_time() from error

    def _fill(self, wanted: str) -> bool:
        """Wait until `wanted` has more bytes (True) or ends (False), serving the other pipes meanwhile.

        Images are the one thing that is not read ahead: what nobody asked for stays in FFmpeg.
        """
        while wanted in self._open:
            self._watch_images(wanted == self._held)
            ready = self._selector.select(
                max(0.0, min(self._budget.seconds_left, self._budget.stall_seconds))
            )
            if not ready or self._budget.seconds_left <= 0:
                raise self._out_of_time()
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

    def _out_of_time(self) -> DeadlineError | DecoderHungError:
        """Slow or hung? A child that was silent for half of its life is not merely slow."""
        now = time.monotonic()
        silent = now - self._last_sign
        if silent >= min(self._budget.stall_seconds, (now - self._started) / 2):
            return DecoderHungError(f"FFmpeg gave no sign of life for {silent:.1f} s")
        return DeadlineError("the time of this invocation ended while FFmpeg was at work")


@contextmanager
def running(
    build_argv: Callable[[Mapping[str, str]], Sequence[str]],
    pipes: Sequence[str],
    budget: Budget,
    texts: Mapping[str, str] | None = None,
) -> Iterator[Child]:
    """Run the command that `build_argv` makes of what the child opens: for each of `pipes` (which it
    writes) a URL ``pipe:N``, for each of `texts` (which it reads) a path. By name.

    The streams of the child are ``stdout``, ``stderr`` and the given pipes. Reading may raise
    `DeadlineError` or `DecoderHungError`. On leaving, the child and all it started are dead.
    """
    if budget.seconds_left <= 0:
        raise DeadlineError("no time is left to start FFmpeg")
    with ExitStack() as after, ExitStack() as until_started:
        reads: dict[str, int] = {}
        theirs: dict[str, int] = {}
        for name in pipes:
            reads[name], theirs[name] = os.pipe()
            after.callback(os.close, reads[name])
            until_started.callback(os.close, theirs[name])
        urls = {name: f"pipe:{descriptor}" for name, descriptor in theirs.items()}
        for name, text in (texts or {}).items():
            theirs[name] = until_started.enter_context(_readable(text))
            urls[name] = f"/dev/fd/{theirs[name]}"
        process = _start(build_argv(urls), list(theirs.values()), budget)
        after.callback(_end, process)
        until_started.close()
        with selectors.DefaultSelector() as selector:
            yield _child(process, reads, budget, selector)


@contextmanager
def _readable(text: str) -> Iterator[int]:
    """A descriptor from which a child can read `text`, of any length; it has no name on the disk."""
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        yield file.fileno()


def _start(argv: Sequence[str], descriptors: Sequence[int], budget: Budget) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd="/",
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
        pass_fds=descriptors,
        start_new_session=True,
        preexec_fn=confinement(budget.memory_bytes, budget.seconds_left) if sys.platform == "linux" else None,
    )


def _child(
    process: "subprocess.Popen[bytes]",
    reads: Mapping[str, int],
    budget: Budget,
    selector: selectors.BaseSelector,
) -> Child:
    assert process.stdout is not None
    assert process.stderr is not None
    streams = {"stdout": process.stdout.fileno(), "stderr": process.stderr.fileno(), **reads}
    for name, descriptor in streams.items():
        os.set_blocking(descriptor, False)
        if name != "stderr":
            _enlarge(descriptor)
        if name != "stdout":
            selector.register(descriptor, selectors.EVENT_READ, name)
    return Child(process, Stderr(), budget, selector, {name: bytearray() for name in streams}, dict(streams))


def _enlarge(pipe: int) -> None:
    """The more a pipe holds, the less often its two ends wake each other."""
    if sys.platform == "linux":
        with suppress(OSError):  # the user's share of such memory may be used up
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill the session's process group (nothing in there has anything to flush) and reap it."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
