"""A word while something keeps a person waiting."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[str], None]
"""Takes a line for a person."""

NOTICE_SECONDS = 1.5


def untold(_text: str) -> None:
    """For those who want to hear nothing."""


@contextmanager
def noticing(what: str, tell: Tell) -> Iterator[None]:
    """Say so if what is done within takes longer than `NOTICE_SECONDS`."""
    text = f"{what} has not answered for {NOTICE_SECONDS:g} s; still waiting"
    timer = threading.Timer(NOTICE_SECONDS, tell, (text,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
