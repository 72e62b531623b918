"""Handle the records of a batch, several at a time where threads share the batch.

Records are started in order. Those that name the same video, or belong to the same message group of a FIFO
queue, are never handled at the same time. Once a record of a group needs another delivery, the later ones
of the group are not started and need another delivery as well, so that the group stays in order.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, nullcontext

from msgspec import Struct

from extractor.errors import DeadlineError
from extractor.pipeline.worker import ReceivedMessage, Worker

logger = logging.getLogger(__name__)


class Record(Struct, frozen=True, eq=False):
    """A record of a batch.

    Attributes:
        message_id: Its id in the queue.
        message: The message.
        group: Its message group, if the queue is a FIFO queue.
    """

    message_id: str
    message: ReceivedMessage
    group: str | None = None


class Batch:
    """The records of a batch, and what became of them.

    Args:
        records: The records, in the order of the batch.
        worker: Handles the messages.
        deadline: When the work must end, as of `time.monotonic()`.
        last_start: When the last record may be started.
        scope: Returns a context manager that lasts as long as a record is handled, in the thread that does.
    """

    def __init__(
        self,
        records: Sequence[Record],
        worker: Worker,
        deadline: float,
        last_start: float,
        scope: Callable[[Record], AbstractContextManager[object]] = lambda _: nullcontext(),
    ) -> None:
        self._records = records
        self._worker = worker
        self._deadline = deadline
        self._last_start = last_start
        self._scope = scope
        self._codes = {record: worker.codes(record.message) for record in records}
        self._waiting = list(records)
        self._running: list[Record] = []
        self._prefetched: set[Record] = set()
        self._unfinished: set[Record] = set()
        self._changed = threading.Condition()

    @property
    def unfinished(self) -> list[str]:
        """The ids of the messages that SQS must deliver again, in the order of the batch."""
        return [record.message_id for record in self._records if record in self._unfinished]

    def work(self) -> None:
        """Handle records until none is left. Several threads may do so at the same time."""
        while (record := self._take()) is not None:
            is_finished = False
            try:
                with self._scope(record):
                    if self._may_start(record):
                        self._worker.handle(record.message, self._deadline, self._find_next)
                        is_finished = True
                    else:
                        is_finished = self._give_up(record)
            except Exception:  # noqa: BLE001, S110 - the worker has logged it; the others are handled next
                pass
            finally:
                self._finish(record, is_finished=is_finished)

    def _take(self) -> Record | None:
        """Return the next record; wait while each of those left has to wait for one that is handled now."""
        with self._changed:
            while self._waiting:
                keys = [self._keys(record) for record in self._waiting]
                position = first_free(keys, [self._keys(record) for record in self._running])
                if position is not None:
                    record = self._waiting.pop(position)
                    self._running.append(record)
                    return record
                self._changed.wait()
            return None

    def _finish(self, record: Record, *, is_finished: bool) -> None:
        with self._changed:
            self._running.remove(record)
            if not is_finished:
                self._unfinished.add(record)
            self._changed.notify_all()

    def _keys(self, record: Record) -> AbstractSet[tuple[str, str]]:
        codes = {("code", code) for code in self._codes[record]}
        return codes if record.group is None else codes | {("group", record.group)}

    def _may_start(self, record: Record) -> bool:
        return time.monotonic() <= self._last_start and not self._follows_unfinished(record)

    def _follows_unfinished(self, record: Record) -> bool:
        with self._changed:
            return record.group is not None and any(one.group == record.group for one in self._unfinished)

    def _give_up(self, record: Record) -> bool:
        """Return whether the message, which is not started, is dead-lettered and can be acknowledged."""
        if self._follows_unfinished(record):
            logger.warning("not started: an earlier message of its group needs another delivery")
            return False
        logger.warning("too little time is left to start another video")
        return self._worker.give_up(record.message, DeadlineError("too little time was left to start it"))

    def _find_next(self) -> ReceivedMessage | None:
        """Return a message whose video may be prefetched: each once, and none of a video in progress."""
        with self._changed:
            busy = frozenset[str]().union(*(self._codes[record] for record in self._running))
            for record in self._waiting:
                if record not in self._prefetched and busy.isdisjoint(self._codes[record]):
                    self._prefetched.add(record)
                    return record.message
            return None


def first_free(waiting: Sequence[AbstractSet[object]], running: Sequence[AbstractSet[object]]) -> int | None:
    """Return the position of the first record that may start.

    It shares no key with a record that is handled now, nor with one that waits before it.

    Args:
        waiting: The keys of the records that are not started, in order.
        running: The keys of the records that are handled now.
    """
    taken = frozenset[object]().union(*running)
    for position, keys in enumerate(waiting):
        if taken.isdisjoint(keys):
            return position
        taken |= keys
    return None
