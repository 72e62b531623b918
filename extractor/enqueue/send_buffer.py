"""What is to be sent next: new videos in order, and those that have to be sent again when they are due."""

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count

from msgspec import Struct

from extractor.backends.queues.base import OutgoingMessage

BATCH_SIZE = 10  # what a queue takes at once


class PendingMessage(Struct, frozen=True):
    """A video on its way. `attempts` is how often it has been sent; `in_doubt`: an answer was lost, and it
    may be in the queue."""

    code: str
    message: OutgoingMessage
    attempts: int = 0
    in_doubt: bool = False


class SendBuffer:
    """`begin` makes the entry of a new video, or none if no message can carry it. At most `max_open` are
    on their way or waiting to be sent again; those come first."""

    def __init__(self, max_open: int, begin: Callable[[str], PendingMessage | None]) -> None:
        self._max_open = max_open
        self._begin = begin
        self._new: deque[str] = deque()
        self._again: list[tuple[float, int, PendingMessage]] = []  # a heap by the moment when each is due
        self._turn = count()  # entries themselves have no order
        self._num_flying = 0

    @property
    def num_new(self) -> int:
        return len(self._new)

    @property
    def num_retries(self) -> int:
        return len(self._again)

    @property
    def num_in_doubt(self) -> int:
        return self._num_flying + sum(entry.in_doubt for _, _, entry in self._again)

    def add(self, codes: Sequence[str]) -> None:
        self._new.extend(codes)

    def send_again(self, entry: PendingMessage, due: float) -> None:
        heapq.heappush(self._again, (due, next(self._turn), entry))

    def mark_answered(self, entries: Sequence[PendingMessage]) -> None:
        """Their answer is there, or will never be."""
        self._num_flying -= len(entries)

    def next_batch(self, now: float, *, more_is_coming: bool) -> list[PendingMessage]:
        """What is due, filled up with what is new. Nothing as long as that could make it fuller."""
        num_due = sum(due <= now for due, _, _ in self._again)
        room = self._max_open - self._num_flying - len(self._again)
        if more_is_coming and num_due + len(self._new) < BATCH_SIZE and len(self._new) <= room:
            return []
        batch = [heapq.heappop(self._again)[2] for _ in range(min(num_due, BATCH_SIZE))]
        while len(batch) < BATCH_SIZE and room > 0 and self._new:
            if (entry := self._begin(self._new.popleft())) is not None:
                batch.append(entry)
                room -= 1
        self._num_flying += len(batch)
        return batch

    def seconds_to_next(self, now: float) -> float | None:
        """Until something is due to be sent again; `None` if there is nothing."""
        return self._again[0][0] - now if self._again else None
