"""The promise of the enqueuer: every video that waits is queued, whatever the queue refuses, however short
the pages are, and whatever workers flip meanwhile."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from extractor.backends.queues.base import OutgoingMessage, SendFailure
from extractor.backends.state.base import BacklogFilter
from extractor.enqueue.enqueuer import enqueue
from extractor.enqueue.request import EnqueueRequest
from extractor.enqueue.retry import RetryPolicy
from extractor.errors import QueueUnavailableError
from tests.proof.memory import MemoryTable, Row

_ROWS = 60
_PAGE = 15
_LONGEST_PAGE = 11  # that the server gives, whatever is asked for


@dataclass(frozen=True, slots=True)
class ShortPages:
    """A table whose server cuts pages short."""

    table: MemoryTable

    def pending(self, after: str | None, limit: int, backlog_filter: BacklogFilter) -> Sequence[str]:
        return self.table.pending(after, min(limit, _LONGEST_PAGE), backlog_filter)

    def count_pending(self, backlog_filter: BacklogFilter) -> int:
        return self.table.count_pending(backlog_filter)


@dataclass(frozen=True, slots=True)
class MoodyQueue:
    """Takes some messages, refuses others, loses an answer at times; meanwhile workers do what it took."""

    table: MemoryTable
    dice: random.Random
    taken: set[str] = field(default_factory=set)

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        failures = []
        for position, message in enumerate(messages):
            if self.dice.random() < 0.2:
                failures.append(SendFailure(position, "InternalError", sender_fault=False))
            else:
                self._take(json.loads(message.body)["code"])
        if self.dice.random() < 0.1:
            raise QueueUnavailableError("the answer is lost")
        return failures

    def _take(self, code: str) -> None:
        self.taken.add(code)
        if self.dice.random() < 0.5:
            self.table.rows[code].is_extracted = True


def forgotten(seed: int) -> set[str]:
    """The videos that one run of the enqueuer has left out."""
    table = MemoryTable({f"code{number:03}": Row() for number in range(_ROWS)})
    queue = MoodyQueue(table, random.Random(seed))

    def note(codes: Sequence[str]) -> None:
        table.mark_enqueued(codes, datetime.now(UTC))

    retry = RetryPolicy(attempts=50, first_seconds=0)
    for _ in enqueue(ShortPages(table), queue, EnqueueRequest(page_size=_PAGE), note, retry=retry):
        pass
    return set(table.rows) - queue.taken
