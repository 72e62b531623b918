"""The message that a worker process has in hand: hidden from others until it is settled.

A message is deleted only after its outcome is recorded. Whatever else happens, it is delivered again: at once
if it is given back, or else when its visibility ends.
"""

import logging
import threading
import time
from collections.abc import Callable

from extractor.backends.queues.sqs.source import Record, SqsSource
from extractor.errors import ExtractorError
from extractor.serve.metrics import Sample, sample

logger = logging.getLogger(__name__)


class Hand:
    """Holds one message at most. Thread-safe.

    Args:
        source: The queue.
        visibility_seconds: How long the message is hidden at a time.
        count: Counts what becomes of messages.
    """

    def __init__(self, source: SqsSource, visibility_seconds: int, count: Callable[[Sample], None]) -> None:
        self._source = source
        self._visibility_seconds = visibility_seconds
        self._count = count
        self._record: Record | None = None
        self._taken_at = 0.0
        self._lock = threading.Lock()  # no call about a message overtakes another

    def take(self, record: Record) -> None:
        """Hold a message that was just received."""
        with self._lock:
            self._record, self._taken_at = record, time.monotonic()

    @property
    def is_empty(self) -> bool:
        """Whether no message is held."""
        with self._lock:
            return self._record is None

    @property
    def held_seconds(self) -> float:
        """How long the message has been held; 0 without one."""
        with self._lock:
            return 0.0 if self._record is None else time.monotonic() - self._taken_at

    def delete(self) -> None:
        """Delete the message: it is done. If that fails, it is delivered again, and skipped."""
        self._settle("deleted", self._source.delete)

    def give_back(self, seconds: int) -> None:
        """Let the message be delivered again after so many seconds."""
        self._settle("returned", lambda record: self._source.hide(record, seconds))

    def prolong(self) -> None:
        """Hide the message from now on for the time of its visibility.

        If that fails, another worker may receive it meanwhile. Its work is the same, and harmless.
        """
        with self._lock:
            if self._record is not None:
                self._call(lambda record: self._source.hide(record, self._visibility_seconds), self._record)

    def _settle(self, outcome: str, act: Callable[[Record], None]) -> None:
        with self._lock:
            record, self._record = self._record, None
            if record is not None and self._call(act, record):
                self._count(sample("messages_total", outcome=outcome))

    def _call(self, act: Callable[[Record], None], record: Record) -> bool:
        try:
            act(record)
        except ExtractorError as error:
            self._count(sample("queue_errors_total"))
            detail = {"message_id": record["messageId"], "reason": error.reason, "detail": str(error)}
            logger.warning("the queue may deliver a message again", extra=detail)
            return False
        return True
