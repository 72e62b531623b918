"""Run FFmpeg in a sandbox. No other module starts a process.

The child runs without a shell, with an environment of its own and without standard input, in its own session,
with limits on memory, CPU time, file descriptors, file size and core dumps. It is killed when its parent
dies, and whenever the context of `run_ffmpeg` is left.
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
    "AV_LOG_FORCE_COLOR": "1",  # separates messages of FFmpeg from texts of the video: see log.py
}
_PIPE_BYTES = 1 << 20  # the default limit for unprivileged processes (/proc/sys/fs/pipe-max-size)


class FFmpegProcess(ProcessPipes, kw_only=True):
    """A running FFmpeg, and its output pipes.

    Attributes:
        process: The child process.
    """

    process: "subprocess.Popen[bytes]"

    def wait(self) -> int:
        """Discard the remaining output and wait for the end of the process.

        Returns:
            The exit status; -N if signal N ended the process.

        Raises:
            DeadlineError: The deadline passed before.
            DecoderHungError: The process is hung.
        """
        self.drain()
        while True:
            with suppress(subprocess.TimeoutExpired):
                return self.process.wait(timeout=self.sampling_seconds)
            if self.budget.seconds_left <= 0:
                raise self.deadline_error()
            self.raise_if_hung()


@contextmanager
def run_ffmpeg(
    build_argv: Callable[[Mapping[str, str]], Sequence[str]],
    pipes: Sequence[str],
    budget: ProcessLimits,
    texts: Mapping[str, str] | None = None,
) -> Iterator[FFmpegProcess]:
    """Run FFmpeg; on exit from the context, kill it and all processes of its session.

    Args:
        build_argv: Builds the command line from the names in `pipes` and `texts`, each mapped to what the
            child opens: the URL ``pipe:N`` for a pipe, a path for a text.
        pipes: Names of the pipes that the child writes to, beside ``stdout`` and ``stderr``.
        budget: The limits of the child.
        texts: Texts that the child reads from files, by name.

    Yields:
        The running process. Reading from it raises `DeadlineError` or `DecoderHungError`.

    Raises:
        DeadlineError: The deadline has already passed.
        DecoderNotStartedError: The process cannot be started.
    """
    if budget.seconds_left <= 0:
        raise DeadlineError("no time is left to start FFmpeg")
    with ExitStack() as on_exit, ExitStack() as on_started:
        try:
            our_ends, child_descriptors, urls = _open(pipes, texts or {}, on_exit, on_started)
            process = _start(build_argv(urls), child_descriptors, budget)
        except OSError as error:
            raise start_error(error) from error
        on_exit.callback(_kill, process)
        on_started.close()
        with selectors.DefaultSelector() as selector:
            yield _wrap(process, our_ends, budget, selector)


def _open(
    pipes: Sequence[str], texts: Mapping[str, str], on_exit: ExitStack, on_started: ExitStack
) -> tuple[dict[str, int], list[int], dict[str, str]]:
    """Return our ends of the pipes by name, the child's descriptors, and their URLs and paths by name."""
    our_ends: dict[str, int] = {}
    child_descriptors: list[int] = []
    urls: dict[str, str] = {}
    for name in pipes:
        our_ends[name], write = os.pipe()
        on_exit.callback(os.close, our_ends[name])
        on_started.callback(os.close, write)
        child_descriptors.append(write)
        urls[name] = f"pipe:{write}"
    for name, text in texts.items():
        child_descriptors.append(on_started.enter_context(_file_descriptor(text)))
        urls[name] = f"/dev/fd/{child_descriptors[-1]}"
    return our_ends, child_descriptors, urls


@contextmanager
def _file_descriptor(text: str) -> Iterator[int]:
    """Yield the descriptor of an unnamed temporary file from which a child can read `text`."""
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        yield file.fileno()


def _start(
    argv: Sequence[str], descriptors: Sequence[int], budget: ProcessLimits
) -> "subprocess.Popen[bytes]":
    """Start the confined process. Raises `OSError` if that fails."""
    with confine(argv, _ENVIRONMENT, descriptors, budget.memory_bytes, budget.seconds_left) as confinement:
        try:
            return _popen(argv, descriptors, confinement)
        except subprocess.SubprocessError as error:
            number = confinement.failure if confinement else 0
            raise OSError(
                number, os.strerror(number) if number else "the sandbox cannot be set up"
            ) from error


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


def start_error(error: OSError) -> DecoderNotStartedError:
    """Convert an error at the start of the process.

    Args:
        error: The error of the operating system.

    Returns:
        The error to raise, with advice on what to do.
    """
    if error.errno in (errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOEXEC, errno.ENOTDIR, errno.ELIBBAD):
        advice = "check FFMPEG_BINARY, and that the file is executable"
    elif error.errno == errno.E2BIG:
        advice = "the command line is too long: request fewer frames at once"
    else:
        advice = (
            "the system lacks memory, processes, file descriptors or disk space: free some, and try again"
        )
    return DecoderNotStartedError(f"FFmpeg cannot be started ({error.strerror or error}); {advice}")


def _wrap(
    process: "subprocess.Popen[bytes]",
    our_ends: Mapping[str, int],
    budget: ProcessLimits,
    selector: selectors.BaseSelector,
) -> FFmpegProcess:
    assert process.stdout is not None
    assert process.stderr is not None
    streams = {"stdout": process.stdout.fileno(), "stderr": process.stderr.fileno(), **our_ends}
    for name, descriptor in streams.items():
        os.set_blocking(descriptor, False)
        if name != "stderr":
            _enlarge_pipe(descriptor)
    liveness = Liveness(process.pid, budget.stall_seconds)
    return FFmpegProcess(FFmpegLog(), budget, liveness, selector, streams, process=process)


def _enlarge_pipe(pipe: int) -> None:
    """Enlarge the buffer of a pipe, so that its two ends wake each other less often."""
    if sys.platform == "linux":
        with suppress(OSError):  # the per-user limit of pipe buffers may be used up
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill the process group of the session, which has nothing to flush, and reap the child."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
