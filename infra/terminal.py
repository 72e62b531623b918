"""Run a script: its question, its errors as one line, its exit status."""

import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from extractor.cli.environment import normalize_aws_variables
from extractor.cli.terminal import (
    complain,
    escape_control_chars,
    interruption,
    run_command,
)
from infra.aws import explained, explained_errors
from infra.errors import DeploymentError

_POLL_SECONDS = 0.2


class InterruptedScriptError(DeploymentError):
    """Ctrl-C or SIGTERM; the text says what has been changed."""

    def __init__(self, message: str, signal: KeyboardInterrupt) -> None:
        super().__init__(f"interrupted; {message}")
        self.status = interruption(signal)[1]


@contextmanager
def going_on_in_aws(work: str, script: str) -> Iterator[None]:
    """Say that AWS continues its work if Ctrl-C, or an error of AWS, ends the block that waits for it.

    Args:
        work: What AWS does, such as "the change".
        script: The name of the script that shows the result.
    """
    hint = f"{work} goes on in AWS. Run {script} again to see its result"
    try:
        yield
    except KeyboardInterrupt as signal:
        raise InterruptedScriptError(hint, signal) from signal
    except (BotoCoreError, ClientError) as error:
        detail = explained(error) if isinstance(error, ClientError) else " ".join(str(error).split())
        raise DeploymentError(f"the state of the stack cannot be read ({detail}); {hint}") from error


def run_script(name: str, script: Callable[[], None]) -> int:
    """Run a script and return its exit status: 0, 1 after a failure, 2 after wrong usage, 130 after Ctrl-C.

    Args:
        name: The name of the script, for messages.
        script: It raises `DeploymentError`, or an error of botocore.
    """

    def reporting() -> int:
        normalize_aws_variables(os.environ)
        try:
            with explained_errors():
                script()
        except DeploymentError as error:
            complain(f"{name}: {escape_control_chars(str(error))}")
            return error.status
        return 0

    return run_command(reporting)


def ask(question: str) -> str:
    """Return the answer from standard input without its line end; an empty text at the end of the input.

    The question is written to standard error, and only for a terminal.
    """
    terminal = sys.stdin.isatty()
    if terminal:
        sys.stderr.write(question)
        sys.stderr.flush()
    try:
        # A signal just before a blocking read would be handled only after it: wait in short steps.
        while not select.select([sys.stdin], [], [], _POLL_SECONDS)[0]:
            pass
        answer = sys.stdin.buffer.readline().decode(errors="replace")
    except KeyboardInterrupt:
        complain("")
        raise
    if terminal and not answer:
        complain("")
    return answer.rstrip("\r\n")
