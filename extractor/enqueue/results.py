"""What comes back from the threads of a run: one kind for each task. Pure."""

from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct

from extractor.backends.queues.base import SendFailure
from extractor.enqueue.send_buffer import PendingMessage
from extractor.errors import QueueUnavailableError


class CodePage(Struct, frozen=True):
    """Codes that were read; none are the end."""

    codes: Sequence[str]


class BatchResult(Struct, frozen=True):
    """What the queue said to the entries of one call."""

    entries: Sequence[PendingMessage]
    failures: Sequence[SendFailure]


class BatchFailed(Struct, frozen=True):
    """A call that failed as a whole: its entries may be in the queue or not."""

    entries: Sequence[PendingMessage]
    error: QueueUnavailableError


class MarkedEnqueued(Struct, frozen=True):
    """Codes that the state knows as enqueued."""

    codes: Sequence[str]


Result: TypeAlias = CodePage | BatchResult | BatchFailed | MarkedEnqueued
