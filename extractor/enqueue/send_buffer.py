"""Buffer of messages to send: retries when they are due, then new videos in order."""

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count

from msgspec import Struct

from extractor.backends.queues.base import OutgoingMessage

BATCH_SIZE = 10  # limit of SQS per call


class PendingMessage(Struct, frozen=True):
    """A message that is not yet confirmed.

    Attributes:
        code: The code of the video.
        message: The message.
        attempts: How often it has been sent.
        in_doubt: Whether a response was lost, so that it may be in the queue.
    """

    code: str
    message: OutgoingMessage
    attempts: int = 0
    in_doubt: bool = False


class SendBuffer:
    """Forms batches of due retries and new messages.

    Args:
        max_open: The maximum number of messages in flight or waiting for a retry.
        begin: Builds the message of a new code; returns ``None`` if the code is invalid.
    """

    def __init__(self, max_open: int, begin: Callable[[str], PendingMessage | None]) -> None:
        self._max_open = max_open
        self._begin = begin
        self._new: deque[str] = deque()
        self._retries: list[tuple[float, int, PendingMessage]] = []  # a heap by the moment when each is due
        self._sequence = count()  # entries themselves have no order
        self._num_in_flight = 0

    @property
    def num_new(self) -> int:
        return len(self._new)

    @property
    def num_retries(self) -> int:
        return len(self._retries)

    @property
    def num_in_doubt(self) -> int:
        return self._num_in_flight + sum(entry.in_doubt for _, _, entry in self._retries)

    def add(self, codes: Sequence[str]) -> None:
        self._new.extend(codes)

    def send_again(self, entry: PendingMessage, due: float) -> None:
        heapq.heappush(self._retries, (due, next(self._sequence), entry))

    def mark_answered(self, entries: Sequence[PendingMessage]) -> None:
        """The messages are no longer in flight: a response arrived, or the call failed."""
        self._num_in_flight -= len(entries)

    def next_batch(self, now: float, *, more_is_coming: bool) -> list[PendingMessage]:
        """Return due retries, filled up with new messages; empty while a fuller batch is possible."""
        num_due = sum(due <= now for due, _, _ in self._retries)
        room = self._max_open - self._num_in_flight - len(self._retries)
        if more_is_coming and num_due + len(self._new) < BATCH_SIZE and len(self._new) <= room:
            return []
        batch = [heapq.heappop(self._retries)[2] for _ in range(min(num_due, BATCH_SIZE))]
        while len(batch) < BATCH_SIZE and room > 0 and self._new:
            if (entry := self._begin(self._new.popleft())) is not None:
                batch.append(entry)
                room -= 1
        self._num_in_flight += len(batch)
        return batch

    def seconds_to_next(self, now: float) -> float | None:
        """Return the time until the next retry is due; ``None`` if there is none."""
        return self._retries[0][0] - now if self._retries else None
