"""A confined FFmpeg: the only module that starts a process.

The child gets no shell, nothing of the environment, no standard input, a session of its own, and
limits on memory, CPU time, descriptors, files and core dumps. It dies with its parent; whoever
leaves the context, in whatever way, leaves no process behind.
"""

import errno
import fcntl
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress

from extractor.errors import DeadlineError, DecoderNotStartedError
from extractor.media.ffmpeg.liveness import Liveness
from extractor.media.ffmpeg.log import FFmpegLog
from extractor.media.ffmpeg.pipes import ProcessLimits, ProcessPipes
from extractor.media.ffmpeg.sandbox import Confinement, confine

_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "AV_LOG_FORCE_COLOR": "1",  # tells FFmpeg's own words from those of a video: see stderr.py
}
_PIPE_BYTES = 1 << 20  # what a process without privileges may ask for


class FFmpegProcess(ProcessPipes, kw_only=True):
    """A running FFmpeg."""

    process: "subprocess.Popen[bytes]"

    def wait(self) -> int:
        """Read everything that is left and return the exit status (negative: ended by that signal)."""
        self.drain()
        while True:
            with suppress(subprocess.TimeoutExpired):
                return self.process.wait(timeout=self.sampling_seconds)
            if self.budget.seconds_left <= 0:
                raise self.out_of_time()
            self.raise_if_hung()


@contextmanager
def run_ffmpeg(
    build_argv: Callable[[Mapping[str, str]], Sequence[str]],
    pipes: Sequence[str],
    budget: ProcessLimits,
    texts: Mapping[str, str] | None = None,
) -> Iterator[FFmpegProcess]:
    """Run the command that `build_argv` makes of what the child opens: for each of `pipes` (which it
    writes) a URL ``pipe:N``, for each of `texts` (which it reads) a path. By name.

    The streams of the child are ``stdout``, ``stderr`` and the given pipes. Reading may raise
    `DeadlineError` or `DecoderHungError`. On leaving, the child and all it started are dead.
    """
    if budget.seconds_left <= 0:
        raise DeadlineError("no time is left to start FFmpeg")
    with ExitStack() as after, ExitStack() as until_started:
        try:
            reads, theirs, urls = _open(pipes, texts or {}, after, until_started)
            process = _start(build_argv(urls), theirs, budget)
        except OSError as error:
            raise not_started(error) from error
        after.callback(_end, process)
        until_started.close()
        with selectors.DefaultSelector() as selector:
            yield _child(process, reads, budget, selector)


def _open(
    pipes: Sequence[str], texts: Mapping[str, str], after: ExitStack, until_started: ExitStack
) -> tuple[dict[str, int], list[int], dict[str, str]]:
    """Our ends of the pipes by name, the child's descriptors, and what it calls them by name."""
    reads: dict[str, int] = {}
    theirs: list[int] = []
    urls: dict[str, str] = {}
    for name in pipes:
        reads[name], write = os.pipe()
        after.callback(os.close, reads[name])
        until_started.callback(os.close, write)
        theirs.append(write)
        urls[name] = f"pipe:{write}"
    for name, text in texts.items():
        theirs.append(until_started.enter_context(_readable(text)))
        urls[name] = f"/dev/fd/{theirs[-1]}"
    return reads, theirs, urls


@contextmanager
def _readable(text: str) -> Iterator[int]:
    """A descriptor from which a child can read `text`, of any length; it has no name on the disk."""
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        yield file.fileno()


def _start(
    argv: Sequence[str], descriptors: Sequence[int], budget: ProcessLimits
) -> "subprocess.Popen[bytes]":
    """Raises `OSError` if there can be no such process."""
    with confine(argv, _ENVIRONMENT, descriptors, budget.memory_bytes, budget.seconds_left) as confinement:
        try:
            return _popen(argv, descriptors, confinement)
        except subprocess.SubprocessError as error:
            number = confinement.failure if confinement else 0
            raise OSError(number, os.strerror(number) if number else "it cannot be confined") from error


def _popen(
    argv: Sequence[str], descriptors: Sequence[int], confinement: Confinement | None
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd="/",
        env=_ENVIRONMENT,
        pass_fds=descriptors,
        start_new_session=True,
        preexec_fn=confinement,
    )


def not_started(error: OSError) -> DecoderNotStartedError:
    """What to do about it."""
    if error.errno in (errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOEXEC, errno.ENOTDIR, errno.ELIBBAD):
        advice = "check FFMPEG_BINARY, and that FFmpeg may be executed"
    elif error.errno == errno.E2BIG:
        advice = "its command line is too long: ask for fewer frames at once"
    else:
        advice = "the system has no room for it: free memory, processes, descriptors or disk, and try again"
    return DecoderNotStartedError(f"FFmpeg cannot be started ({error.strerror or error}); {advice}")


def _child(
    process: "subprocess.Popen[bytes]",
    reads: Mapping[str, int],
    budget: ProcessLimits,
    selector: selectors.BaseSelector,
) -> FFmpegProcess:
    assert process.stdout is not None
    assert process.stderr is not None
    streams = {"stdout": process.stdout.fileno(), "stderr": process.stderr.fileno(), **reads}
    for name, descriptor in streams.items():
        os.set_blocking(descriptor, False)
        if name != "stderr":
            _enlarge(descriptor)
    liveness = Liveness(process.pid, budget.stall_seconds)
    liveness.look()
    return FFmpegProcess(FFmpegLog(), budget, liveness, selector, streams, process=process)


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
