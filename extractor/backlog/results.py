"""What comes back from the threads of a run: one kind for each task. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from extractor.backlog.outbox import Entry
from extractor.errors import QueueUnavailableError
from extractor.models import SendFailure


@dataclass(frozen=True, slots=True)
class Page:
    """Codes that were read; none are the end."""

    codes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the queue said to the entries of one call."""

    entries: Sequence[Entry]
    failures: Sequence[SendFailure]


@dataclass(frozen=True, slots=True)
class Silence:
    """A call that failed as a whole: its entries may be in the queue or not."""

    entries: Sequence[Entry]
    error: QueueUnavailableError


@dataclass(frozen=True, slots=True)
class Noted:
    """Codes that the state knows as enqueued."""

    codes: Sequence[str]


Result: TypeAlias = Page | Answer | Silence | Noted
