"""Send the messages of a request with several concurrent senders.

One thread makes all decisions; the other threads only wait for responses. Each video passes three steps:
sent, marked as enqueued in the state, settled. Each step begins after the response to the one before, so
after any interruption a marked video is queued, and a settled one is both.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue

from msgspec.structs import replace

from extractor.backends.queues.base import JobQueue
from extractor.backends.state.keyset import Keyset
from extractor.cli.waiting_notice import NOTICE_SECONDS
from extractor.enqueue.request import CodeSource, EnqueueRequest, encode
from extractor.enqueue.results import BatchFailed, BatchResult, CodePage, MarkedEnqueued, Result
from extractor.enqueue.retry import RetryPolicy
from extractor.enqueue.send_buffer import BATCH_SIZE, PendingMessage, SendBuffer
from extractor.enqueue.summary import Summary
from extractor.enqueue.tally import RunTally
from extractor.enqueue.threads import DaemonThreads
from extractor.errors import QueueUnavailableError

_BATCHES_PER_SENDER = 4  # in flight or waiting for a retry
_CODES_PER_UPDATE = 300  # codes per update of the state
Note = Callable[[Sequence[str]], None]


def enqueue(
    codes: CodeSource,
    queue: JobQueue,
    request: EnqueueRequest,
    note: Note,
    *,
    senders: int = 1,
    retry: RetryPolicy | None = None,
) -> Iterator[Summary]:
    """Send a message for each video of the request.

    Args:
        codes: Where the codes are read.
        queue: The queue.
        request: What to enqueue.
        note: Marks codes as enqueued in the state; called with several hundred confirmed codes at a time.
        senders: The number of concurrent calls to the queue.
        retry: How often and when failed calls are repeated.

    Yields:
        A summary after each change. The last one is accurate whatever ends the run.

    Raises:
        AccessDeniedError: The queue or the state denies access.
        QueueUnavailableError: The queue is unavailable after all retries.
        StateUnavailableError: The state is unavailable after all retries.
    """
    return _Run(codes, queue, request, note, senders, retry or RetryPolicy()).summaries()


def count_pending_messages(
    codes: CodeSource, request: EnqueueRequest, retry: RetryPolicy | None = None
) -> Iterator[Summary]:
    """Count what `enqueue` would send (dry run).

    Args:
        codes: Where the codes are read.
        request: What to count.
        retry: How often and when failed queries are repeated.

    Yields:
        A summary after each page.
    """
    summary = Summary()
    pages, refused = Keyset(request.after), Counter[str]()
    retry = retry or RetryPolicy()

    def read() -> Sequence[str]:
        size = _page_size(request, summary.seen)
        return retry.call(lambda: codes.pending(pages.after, size, request.backlog_filter)) if size else ()

    while page := read():
        pages.advance(page[-1])
        wrong = [code for code in page if encode(code, request.options) is None]
        refused.update({"INVALID_MESSAGE": len(wrong)} if wrong else {})
        first = summary.first_refused or next(iter(wrong), None)
        summary = Summary(seen=summary.seen + len(page), refused=dict(refused), first_refused=first)
        yield summary


def _page_size(request: EnqueueRequest, num_read: int) -> int:
    return request.page_size if request.limit is None else min(request.page_size, request.limit - num_read)


class _Run:
    def __init__(
        self,
        codes: CodeSource,
        queue: JobQueue,
        request: EnqueueRequest,
        note: Note,
        senders: int,
        retry: RetryPolicy,
    ) -> None:
        self._codes, self._queue, self._request, self._note = codes, queue, request, note
        self._retry = retry
        self._done: SimpleQueue[Future[Result]] = SimpleQueue()
        self._senders = DaemonThreads(senders, self._done)
        self._state_readers = DaemonThreads(1, self._done)
        self._state_writers = DaemonThreads(1, self._done)

        self._pages = Keyset(request.after)
        self._num_read = 0
        self._exhausted = False
        self._send_buffer = SendBuffer(senders * _BATCHES_PER_SENDER * BATCH_SIZE, self._begin)
        self._confirmed: list[str] = []  # confirmed by the queue and not yet marked in the state
        self._notified = False
        self._tally = RunTally(request.after)

    def summaries(self) -> Iterator[Summary]:
        with self._senders, self._state_readers, self._state_writers:
            while True:
                self._read_ahead()
                self._send_due()
                self._mark_confirmed()
                yield self._snapshot()
                if not (
                    self._senders.busy
                    or self._state_readers.busy
                    or self._state_writers.busy
                    or self._send_buffer.num_retries
                ):
                    return
                self._take_result()

    def _snapshot(self) -> Summary:
        complete = self._exhausted and self._tally.clear and not self._send_buffer.num_new
        return self._tally.summary(in_doubt=self._send_buffer.num_in_doubt, complete=complete)

    # Reading, with keyset pagination: rows that leave the result meanwhile do not shift the others. Only an
    # empty page is the end, because servers shorten pages.

    @property
    def _more_to_read(self) -> bool:
        return not self._exhausted and _page_size(self._request, self._num_read) > 0

    def _read_ahead(self) -> None:
        enough = max(self._request.page_size, BATCH_SIZE)
        if self._more_to_read and self._state_readers.free and self._send_buffer.num_new < enough:
            size = _page_size(self._request, self._num_read)
            self._state_readers.submit(partial(self._read, self._pages.after, size))

    def _read(self, after: str | None, size: int) -> CodePage:
        return CodePage(
            self._retry.call(lambda: self._codes.pending(after, size, self._request.backlog_filter))
        )

    def _take_page(self, page: CodePage) -> None:
        self._state_readers.completed()
        if page.codes:
            self._pages.advance(page.codes[-1])
        self._send_buffer.add(page.codes)
        self._num_read += len(page.codes)
        self._exhausted = not page.codes

    # Sending.

    def _send_due(self) -> None:
        while self._senders.free and (entries := self._next_batch()):
            self._tally.call(entries)
            self._senders.submit(partial(self._send, entries))

    def _next_batch(self) -> list[PendingMessage]:
        self._read_ahead()  # the previous batch made room
        return self._send_buffer.next_batch(time.monotonic(), more_is_coming=self._state_readers.busy > 0)

    def _begin(self, code: str) -> PendingMessage | None:
        self._tally.begin(code)
        message = encode(code, self._request.options)
        if message is None:
            self._tally.refuse(code, "INVALID_MESSAGE")
            self._tally.settle(code)
            return None
        return PendingMessage(code, message)

    def _send(self, entries: Sequence[PendingMessage]) -> BatchResult | BatchFailed:
        try:
            return BatchResult(entries, self._queue.send([entry.message for entry in entries]))
        except QueueUnavailableError as error:
            return BatchFailed(entries, error)

    def _take_answer(self, answer: BatchResult) -> None:
        self._senders.completed()
        self._send_buffer.mark_answered(answer.entries)
        failures = {failure.position: failure for failure in answer.failures}
        for position, entry in enumerate(answer.entries):
            if (failure := failures.get(position)) is None:
                self._confirmed.append(entry.code)
                self._tally.confirm()
            elif failure.sender_fault:
                self._tally.refuse(entry.code, failure.code)
                self._tally.settle(entry.code)
            elif entry.attempts + 1 >= self._retry.attempts:
                self._tally.refuse(entry.code, failure.code)  # not settled: another run may succeed
            else:
                self._send_again(entry)

    def _take_failed_call(self, failed: BatchFailed) -> None:
        self._senders.completed()
        self._send_buffer.mark_answered(failed.entries)
        pauses = [self._send_again(replace(entry, in_doubt=True)) for entry in failed.entries]
        self._notify_once(f"{failed.error}; trying again in {min(pauses):.1f} s")
        if any(entry.attempts + 1 >= self._retry.attempts for entry in failed.entries):
            raise failed.error

    def _send_again(self, entry: PendingMessage) -> float:
        """Schedule a retry; return the pause in seconds."""
        tried = replace(entry, attempts=entry.attempts + 1)
        pause = self._retry.pause_seconds(tried.attempts)
        self._send_buffer.send_again(tried, time.monotonic() + pause)
        return pause

    # Marking in the state.

    def _mark_confirmed(self) -> None:
        idle = not (self._senders.busy or self._state_readers.busy)
        if (
            self._state_writers.free
            and self._confirmed
            and (idle or len(self._confirmed) >= _CODES_PER_UPDATE)
        ):
            codes, self._confirmed = self._confirmed, []
            self._state_writers.submit(partial(self._mark_enqueued, codes))

    def _mark_enqueued(self, codes: Sequence[str]) -> MarkedEnqueued:
        self._retry.call(lambda: self._note(codes))
        return MarkedEnqueued(codes)

    def _take_noted(self, noted: MarkedEnqueued) -> None:
        self._state_writers.completed()
        for code in noted.codes:
            self._tally.settle(code)

    def _take_result(self) -> None:
        """Wait for a result, or until a retry is due."""
        seconds = self._seconds_to_wait()
        try:
            result = self._done.get(timeout=min(seconds or NOTICE_SECONDS, NOTICE_SECONDS)).result()
        except Empty:
            if seconds is None or seconds >= NOTICE_SECONDS:
                self._notify_once("still waiting for an answer")
            return
        match result:
            case CodePage():
                self._take_page(result)
            case BatchResult():
                self._take_answer(result)
            case BatchFailed():
                self._take_failed_call(result)
            case MarkedEnqueued():
                self._take_noted(result)

    def _notify_once(self, text: str) -> None:
        """Print the first notice that the run is waiting."""
        if not self._notified:
            self._notified = True
            self._retry.tell(text)

    def _seconds_to_wait(self) -> float | None:
        """Return the time until the next retry; ``None`` if only a result can continue the run."""
        seconds = self._send_buffer.seconds_to_next(time.monotonic())
        if seconds is None or not self._senders.free:
            return None
        if seconds <= 0 and self._state_readers.busy:
            return None  # the batch waits for the page that is being read
        return max(0.0, seconds)
