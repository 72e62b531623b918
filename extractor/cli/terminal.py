"""What the command lines share: a complete environment, output that no terminal obeys and no full disk
breaks, signals, and what the exit status says."""

import os
import signal
import sys
import threading
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from dotenv import dotenv_values

from extractor.domain.extras import missing_extra
from extractor.errors import ExtractorError, SettingsError, UsageError
from extractor.media.ffmpeg.standard_streams import open_standard_streams
from extractor.settings import other_names

CLOSED_PIPE_STATUS = 141
"""As of a program that SIGPIPE ends."""

_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class TerminatedError(KeyboardInterrupt):
    """Another process asks this one to end: everything is cleaned up as after Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class OutputError(Exception):
    """Standard output cannot be written. `closed`: its reader has gone, and wants no more."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or type(error).__name__)
        self.closed = isinstance(error, BrokenPipeError)


def path_argument(text: str) -> Path:
    """A path on a command line. An empty one, as of a variable that is not set, is not the current folder.

    Raises `argparse.ArgumentTypeError`.
    """
    if not text:
        raise ArgumentTypeError("the path is empty")
    return Path(text)


def text_argument(text: str) -> str:
    """A value on a command line that must not be empty. Raises `argparse.ArgumentTypeError`."""
    if not text.strip():
        raise ArgumentTypeError("the value is empty")
    return text


def env_file() -> dict[str, str]:
    """What `.env` in the current folder sets; nothing if it is not there.

    Raises:
        SettingsError: It cannot be read, or is no UTF-8 text.
    """
    try:
        found = dotenv_values(".env")
    except UnicodeDecodeError as error:
        raise SettingsError("the file .env is no UTF-8 text; save it again as UTF-8") from error
    except OSError as error:
        raise SettingsError(f"the file .env cannot be read: {error.strerror}") from error
    return {name: value for name, value in found.items() if value is not None}


def load_dotenv_defaults(environ: MutableMapping[str, str]) -> None:
    """Add what `.env` in the current folder has and the environment has not, under none of its names. Of the
    names of the region, boto3 knows only the older one; Lambda sets both, people set the newer one.

    An empty variable of AWS counts as unset, like those of this project: boto3 would look for a profile
    without a name. Raises `SettingsError`.
    """
    given = set(environ)
    for name, value in env_file().items():
        if given.isdisjoint(other_names(name)):
            environ[name] = value
    for name in [name for name in environ if name.startswith("AWS_") and not environ[name].strip()]:
        del environ[name]
    if region := environ.get("AWS_REGION"):
        environ.setdefault("AWS_DEFAULT_REGION", region)


def escape_control_chars(text: str) -> str:
    """`text` with everything escaped that a terminal might obey."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def counted(number: int, noun: str) -> str:
    """``1 video``, ``2 videos``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def program(usual: str) -> str:
    """Return the name of the console script that was started, or `usual`."""
    name = Path(sys.argv[0]).name
    return name if name.startswith("frame-extractor") else usual


def say(text: str) -> None:
    """Write a line to standard output. Raises `OutputError`."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(error) from error


def complain(text: str) -> None:
    """Write a line to standard error, if that can be written."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def interruption(error: KeyboardInterrupt) -> tuple[str, int]:
    """What to say of it, and the exit status."""
    return ("terminated", 128 + error.number) if isinstance(error, TerminatedError) else ("interrupted", 130)


def run_command(command: Callable[[], int]) -> int:
    """What the command returns; 2 if it was called in a wrong way, 3 if something is out of reach or
    standard output cannot be written, 130 after Ctrl-C, 143 after SIGTERM. Standard error tells why.

    If the reader of standard output has gone, the command ends quietly with `CLOSED_PIPE_STATUS`.
    """
    open_standard_streams()
    _replace_what_cannot_be_encoded()
    with _ended_by_signals():
        try:
            try:
                return _after_flush(command())
            except SystemExit as end:  # argparse has printed its help, or what is wrong
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
    """What is still in the buffer goes nowhere, or Python would complain of it at the end."""
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
    """The first SIGTERM or SIGHUP raises `TerminatedError`, others are ignored while that cleans up. What
    is ignored already (`nohup`) stays ignored."""
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
