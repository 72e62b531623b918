"""A word while something keeps a person waiting."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Notify = Callable[[str], None]
"""Takes a line for a person."""

NOTICE_SECONDS = 1.5


def no_notice(_text: str) -> None:
    """For those who want to hear nothing."""


@contextmanager
def noticing(what: str, tell: Notify) -> Iterator[None]:
    """Say so if what is done within takes longer than `NOTICE_SECONDS`."""
    text = f"{what} has not answered for {NOTICE_SECONDS:g} s; still waiting"
    timer = threading.Timer(NOTICE_SECONDS, tell, (text,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _Retries(logging.Handler):
    """Tells of the first request that botocore repeats, and leaves all else unsaid."""

    def __init__(self, tell: Notify) -> None:
        super().__init__(logging.DEBUG)
        self._tell: Notify | None = tell

    def emit(self, record: logging.LogRecord) -> None:
        if self._tell and str(record.msg).startswith("Retry needed, retrying"):
            self._tell("S3 or SQS does not answer as it should; trying again")
            self._tell = None


def tell_of_retries(tell: Notify) -> None:
    """Let `tell` hear of the first request to S3 or SQS that botocore sends again by itself."""
    retries = logging.getLogger("botocore.retries.standard")
    retries.setLevel(logging.DEBUG)
    retries.propagate = False
    retries.handlers = [_Retries(tell)]
