"""What comes back from the threads of a run: one kind for each task. Pure."""

from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct

from extractor.domain.models import SendFailure
from extractor.enqueue.send_buffer import Entry
from extractor.errors import QueueUnavailableError


class Page(Struct, frozen=True):
    """Codes that were read; none are the end."""

    codes: Sequence[str]


class Answer(Struct, frozen=True):
    """What the queue said to the entries of one call."""

    entries: Sequence[Entry]
    failures: Sequence[SendFailure]


class Silence(Struct, frozen=True):
    """A call that failed as a whole: its entries may be in the queue or not."""

    entries: Sequence[Entry]
    error: QueueUnavailableError


class Noted(Struct, frozen=True):
    """Codes that the state knows as enqueued."""

    codes: Sequence[str]


Result: TypeAlias = Page | Answer | Silence | Noted
