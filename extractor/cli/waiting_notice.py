"""Notices on the terminal about slow or repeated requests."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Notify = Callable[[str], None]
"""Shows a line of text to the user."""

NOTICE_SECONDS = 1.5


def no_notice(_text: str) -> None:
    """Show nothing."""


@contextmanager
def noticing(what: str, tell: Notify) -> Iterator[None]:
    """Show a notice if the enclosed block takes longer than `NOTICE_SECONDS`.

    Args:
        what: Name of the service that is waited for.
        tell: Shows the notice.
    """
    text = f"{what} has not answered for {NOTICE_SECONDS:g} s; still waiting"
    timer = threading.Timer(NOTICE_SECONDS, tell, (text,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _Retries(logging.Handler):
    """Shows a notice about the first request that botocore repeats, and drops other records."""

    def __init__(self, tell: Notify) -> None:
        super().__init__(logging.DEBUG)
        self._tell: Notify | None = tell

    def emit(self, record: logging.LogRecord) -> None:
        if self._tell and str(record.msg).startswith("Retry needed, retrying"):
            self._tell("S3 or SQS does not answer as it should; trying again")
            self._tell = None


def tell_of_retries(tell: Notify) -> None:
    """Show a notice when botocore first repeats a request to S3 or SQS."""
    retries = logging.getLogger("botocore.retries.standard")
    retries.setLevel(logging.DEBUG)
    retries.propagate = False
    retries.handlers = [_Retries(tell)]
