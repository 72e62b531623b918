"""Shared by the command lines: safe output, signals and exit status."""

import os
import signal
import sys
import threading
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

from extractor.domain.extras import missing_extra
from extractor.errors import ExtractorError, SettingsError, UsageError
from extractor.media.ffmpeg.standard_streams import open_standard_streams

if TYPE_CHECKING:
    from pathlib import Path

CLOSED_PIPE_STATUS = 141
"""Exit status of a program that SIGPIPE terminates."""

_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class TerminatedError(KeyboardInterrupt):
    """SIGTERM or SIGHUP was received: clean up as after Ctrl-C.

    Attributes:
        number: Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class OutputError(Exception):
    """Standard output cannot be written.

    Attributes:
        closed: Whether its reader has closed it.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or type(error).__name__)
        self.closed = isinstance(error, BrokenPipeError)


def path_argument(text: str) -> "Path":
    """A path on a command line. An empty one, as of a variable that is not set, is not the current folder.

    Raises `argparse.ArgumentTypeError`.
    """
    from pathlib import Path  # slow to import

    if not text:
        raise ArgumentTypeError("the path is empty")
    return Path(text)


def text_argument(text: str) -> str:
    """A value on a command line that must not be empty. Raises `argparse.ArgumentTypeError`."""
    if not text.strip():
        raise ArgumentTypeError("the value is empty")
    return text


def escape_control_chars(text: str) -> str:
    """Escape all characters that are not printable, such as terminal control sequences."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def counted(number: int, noun: str) -> str:
    """Return the number and the noun in the singular or plural: ``1 video``, ``2 videos``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def program(usual: str) -> str:
    """Return the name of the console script that was started, or `usual`."""
    name = sys.argv[0].rpartition(os.sep)[2]
    return name if name.startswith("frame-extractor") else usual


def say(text: str) -> None:
    """Write a line to standard output.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(error) from error


def complain(text: str) -> None:
    """Write a line to standard error (best effort)."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def interruption(error: KeyboardInterrupt) -> tuple[str, int]:
    """Return the text for an interruption, and the exit status."""
    return ("terminated", 128 + error.number) if isinstance(error, TerminatedError) else ("interrupted", 130)


def run_command(command: Callable[[], int]) -> int:
    """Run a command line, and report its errors on standard error.

    Returns:
        The exit status: that of the command; 2 after wrong usage; 3 if a service is unavailable or standard
        output cannot be written; 130 after Ctrl-C; 143 after SIGTERM; `CLOSED_PIPE_STATUS` if the reader of
        standard output has closed it (without a text).
    """
    open_standard_streams()
    _replace_what_cannot_be_encoded()
    with _ended_by_signals():
        try:
            try:
                return _after_flush(command())
            except SystemExit as end:  # argparse has printed its help or an error
                return _after_flush(end.code if isinstance(end.code, int) else 2)
        except OutputError as error:
            complaint, status = f"error: standard output cannot be written: {error}", 3
            _give_up_output()
            if error.closed:
                return CLOSED_PIPE_STATUS
        except UsageError as error:
            complaint, status = f"error: {escape_control_chars(str(error))}", 2
        except SettingsError as error:
            complaint, status = f"error: the settings are wrong: {escape_control_chars(str(error))}", 2
        except ExtractorError as error:
            complaint, status = f"error: {escape_control_chars(str(error))}", 3
        except ModuleNotFoundError as error:
            if (advice := missing_extra(error)) is None:
                raise
            complaint, status = f"error: {advice}", 2
        except KeyboardInterrupt as error:
            complaint, status = interruption(error)
    complain(complaint)
    return status


def _after_flush(status: int) -> int:
    try:
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(error) from error
    return status


def _give_up_output() -> None:
    """Discard the buffer, or Python reports an error when it flushes it at exit."""
    with suppress(OSError, ValueError):
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, sys.stdout.fileno())
        os.close(descriptor)


def _replace_what_cannot_be_encoded() -> None:
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Raise `TerminatedError` at the first SIGTERM or SIGHUP, and ignore later ones.

    Signals that are ignored already (`nohup`) stay ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ENDING_SIGNALS}
    changed = {number: handler for number, handler in before.items() if handler is signal.SIG_DFL}

    def end(number: int, _frame: FrameType | None) -> None:
        for other in changed:
            signal.signal(other, signal.SIG_IGN)
        raise TerminatedError(number)

    try:
        for number in changed:
            signal.signal(number, end)
        yield
    finally:
        for number, handler in changed.items():
            signal.signal(number, handler)
