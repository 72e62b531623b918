"""Results of the worker threads, one type per task. Pure: no I/O."""

from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct

from extractor.backends.queues.base import SendFailure
from extractor.enqueue.send_buffer import PendingMessage
from extractor.errors import QueueUnavailableError


class CodePage(Struct, frozen=True):
    """A page of codes; an empty page is the end."""

    codes: Sequence[str]


class BatchResult(Struct, frozen=True):
    """The queue's response to one call."""

    entries: Sequence[PendingMessage]
    failures: Sequence[SendFailure]


class BatchFailed(Struct, frozen=True):
    """A call that failed: its messages may have been queued or not."""

    entries: Sequence[PendingMessage]
    error: QueueUnavailableError


class MarkedEnqueued(Struct, frozen=True):
    """Codes that were marked as enqueued in the state."""

    codes: Sequence[str]


Result: TypeAlias = CodePage | BatchResult | BatchFailed | MarkedEnqueued
