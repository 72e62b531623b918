"""The use case of the enqueuer: a message for every video that is fetched and not extracted.

What it reports is true at every moment, also of a run that is cut off. A message may be queued twice
when the queue's answer is lost; the worker makes that harmless.
"""

import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from extractor.errors import QueueUnavailableError
from extractor.messages import VideoMessage, encode_message
from extractor.models import OutgoingMessage, SendFailure
from extractor.ports import JobQueue, StateStore

BATCH_SIZE = 10  # what a queue takes at once


@dataclass(frozen=True, slots=True)
class Order:
    """What to enqueue: at most `limit` videos, read `page_size` at a time, each with `options`, the
    optional fields of its message."""

    limit: int | None = None
    page_size: int = 1000
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Patience:
    """A batch is sent at most `attempts` times, after pauses that double up to `longest_seconds`.

    Each pause is a random share of that, so that several enqueuers do not come back in step.
    """

    attempts: int = 5
    first_seconds: float = 0.5
    longest_seconds: float = 20.0
    sleep: Callable[[float], None] = time.sleep
    share: Callable[[], float] = random.random

    def pause(self, attempt: int) -> None:
        self.sleep(self.share() * min(self.longest_seconds, self.first_seconds * 2 ** (attempt - 1)))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A video that was not queued, and the code that says why."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Summary:
    """How far a run has come.

    Of the `seen` videos, `queued` are confirmed by the queue, `refused` are not queued, and `in_doubt`
    were sent without an answer so far; the rest has not been sent. `calls` counts the calls to the
    queue, `retried` the messages in them that had been sent before. Of these, `repeated` were sent again
    because the answer was lost, and may be queued twice.
    """

    seen: int = 0
    queued: int = 0
    refused: tuple[Refusal, ...] = ()
    in_doubt: int = 0
    repeated: int = 0
    calls: int = 0
    retried: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    code: str
    message: OutgoingMessage


def enqueue_pending(
    state: StateStore, queue: JobQueue | None, order: Order, patience: Patience | None = None
) -> Iterator[Summary]:
    """Enqueue the backlog, or without a `queue` only look at it (a dry run).

    Yields the summary before and after each call to the queue: the last one that was yielded is true
    whatever ends the run, be it an error or Ctrl-C. Raises what `state` raises, `AccessDeniedError`, and
    `QueueUnavailableError` when the queue stays away.
    """
    summary = Summary()
    codes = _pending_codes(state, order)
    while batch := list(islice(codes, BATCH_SIZE)):
        entries, refused = _encode(batch, order.options)
        summary = replace(summary, seen=summary.seen + len(batch), refused=summary.refused + refused)
        if entries and queue is not None:
            summary = yield from _send(entries, queue, summary, patience or Patience())
        else:
            yield summary


def _pending_codes(state: StateStore, order: Order) -> Iterator[str]:
    """By keyset: rows that leave the set meanwhile do not shift the others. Only an empty page is the
    end, as servers cut pages short."""
    last: str | None = None
    remaining = order.limit
    while remaining is None or remaining > 0:
        page = state.pending(last, order.page_size if remaining is None else min(order.page_size, remaining))
        if not page:
            return
        yield from page
        last = page[-1]
        remaining = None if remaining is None else remaining - len(page)


def _encode(codes: Sequence[str], options: Mapping[str, object]) -> tuple[list[_Entry], tuple[Refusal, ...]]:
    """A table may hold codes that no message can carry, such as ones with a slash."""
    entries, refused = [], []
    for code in codes:
        try:
            message = VideoMessage.model_validate({"code": code, **options})
        except ValueError:
            refused.append(Refusal(code, "INVALID_MESSAGE"))
        else:
            entries.append(_Entry(code, OutgoingMessage(encode_message(message))))
    return entries, tuple(refused)


def _send(
    entries: Sequence[_Entry], queue: JobQueue, summary: Summary, patience: Patience
) -> Generator[Summary, None, Summary]:
    """Send the entries, again those that were not taken; returns the summary with all of them settled."""
    attempt = 0
    while entries:
        attempt += 1
        lost = 0
        summary = replace(summary, in_doubt=len(entries), calls=summary.calls + 1)
        yield summary
        try:
            failures = queue.send([entry.message for entry in entries])
        except QueueUnavailableError:
            if attempt >= patience.attempts:
                raise
            lost = len(entries)
        else:
            summary, entries = _settle(entries, failures, summary, final=attempt >= patience.attempts)
            yield summary
        if entries:
            patience.pause(attempt)
            summary = replace(
                summary, retried=summary.retried + len(entries), repeated=summary.repeated + lost
            )
    return summary


def _settle(
    entries: Sequence[_Entry], failures: Sequence[SendFailure], summary: Summary, *, final: bool
) -> tuple[Summary, Sequence[_Entry]]:
    """The summary after an answer, and the entries to send again."""
    again = [failure for failure in failures if not failure.sender_fault and not final]
    refused = tuple(
        Refusal(entries[failure.position].code, failure.code) for failure in failures if failure not in again
    )
    summary = replace(
        summary,
        queued=summary.queued + len(entries) - len(failures),
        refused=summary.refused + refused,
        in_doubt=0,
    )
    return summary, [entries[failure.position] for failure in again]
