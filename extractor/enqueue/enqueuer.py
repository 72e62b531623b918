"""Queues an order with several senders at once.

One thread decides everything; those of the crews only wait for answers. A video goes three steps, each
after the answer to the one before: sent, noted in the state, settled. So whatever cuts a run off, a video
that is noted is queued, and one that is settled is both.
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

_BATCHES_PER_SENDER = 4  # open at the same time: on their way, or waiting to be sent again
_NOTED_AT_ONCE = 300
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
    """Enqueue the order; `note` is told which codes the queue has confirmed, several hundred at a time.

    Yields a summary whenever something has changed: the last one that was yielded is true whatever ends
    the run, be it an error or Ctrl-C. Raises what `codes` and `note` raise, `AccessDeniedError`, and
    `QueueUnavailableError` when the queue stays away.
    """
    return _Run(codes, queue, request, note, senders, retry or RetryPolicy()).summaries()


def count_pending_messages(
    codes: CodeSource, request: EnqueueRequest, retry: RetryPolicy | None = None
) -> Iterator[Summary]:
    """What `enqueue` would find, without a queue (a dry run). Yields a summary for each page."""
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
        self._patience = retry
        self._done: SimpleQueue[Future[Result]] = SimpleQueue()
        self._senders = DaemonThreads(senders, self._done)
        self._state_readers = DaemonThreads(1, self._done)
        self._state_writers = DaemonThreads(1, self._done)

        self._pages = Keyset(request.after)
        self._num_read = 0
        self._exhausted = False
        self._send_buffer = SendBuffer(senders * _BATCHES_PER_SENDER * BATCH_SIZE, self._begin)
        self._confirmed: list[str] = []  # and not noted yet
        self._told = False
        self._tally = RunTally(request.after)

    def summaries(self) -> Iterator[Summary]:
        with self._senders, self._state_readers, self._state_writers:
            while True:
                self._read_ahead()
                self._send_what_is_due()
                self._note_what_is_confirmed()
                yield self._snapshot()
                if not (
                    self._senders.busy
                    or self._state_readers.busy
                    or self._state_writers.busy
                    or self._send_buffer.num_retries
                ):
                    return
                self._take_a_result()

    def _snapshot(self) -> Summary:
        complete = self._exhausted and self._tally.clear and not self._send_buffer.num_new
        return self._tally.summary(in_doubt=self._send_buffer.num_in_doubt, complete=complete)

    # Reading. By keyset: rows that leave the set meanwhile do not shift the others. Only an empty page is
    # the end, as servers cut pages short.

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
            self._patience.call(lambda: self._codes.pending(after, size, self._request.backlog_filter))
        )

    def _take_page(self, page: CodePage) -> None:
        self._state_readers.completed()
        if page.codes:
            self._pages.advance(page.codes[-1])
        self._send_buffer.add(page.codes)
        self._num_read += len(page.codes)
        self._exhausted = not page.codes

    # Sending.

    def _send_what_is_due(self) -> None:
        while self._senders.free and (entries := self._next_batch()):
            self._tally.call(entries)
            self._senders.submit(partial(self._send, entries))

    def _next_batch(self) -> list[PendingMessage]:
        self._read_ahead()  # what was sent just now has made room
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
            elif entry.attempts + 1 >= self._patience.attempts:
                self._tally.refuse(entry.code, failure.code)  # not settled: another run may have more luck
            else:
                self._send_again(entry)

    def _take_silence(self, silence: BatchFailed) -> None:
        self._senders.completed()
        self._send_buffer.mark_answered(silence.entries)
        pauses = [self._send_again(replace(entry, in_doubt=True)) for entry in silence.entries]
        self._tell_once(f"{silence.error}; trying again in {min(pauses):.1f} s")
        if any(entry.attempts + 1 >= self._patience.attempts for entry in silence.entries):
            raise silence.error

    def _send_again(self, entry: PendingMessage) -> float:
        """Returns after how many seconds."""
        tried = replace(entry, attempts=entry.attempts + 1)
        pause = self._patience.pause_seconds(tried.attempts)
        self._send_buffer.send_again(tried, time.monotonic() + pause)
        return pause

    # Noting.

    def _note_what_is_confirmed(self) -> None:
        idle = not (self._senders.busy or self._state_readers.busy)
        if self._state_writers.free and self._confirmed and (idle or len(self._confirmed) >= _NOTED_AT_ONCE):
            codes, self._confirmed = self._confirmed, []
            self._state_writers.submit(partial(self._note_down, codes))

    def _note_down(self, codes: Sequence[str]) -> MarkedEnqueued:
        self._patience.call(lambda: self._note(codes))
        return MarkedEnqueued(codes)

    def _take_noted(self, noted: MarkedEnqueued) -> None:
        self._state_writers.completed()
        for code in noted.codes:
            self._tally.settle(code)

    def _take_a_result(self) -> None:
        """Wait for a result, or until something is due to be sent again."""
        seconds = self._seconds_to_wait()
        try:
            result = self._done.get(timeout=min(seconds or NOTICE_SECONDS, NOTICE_SECONDS)).result()
        except Empty:
            if seconds is None or seconds >= NOTICE_SECONDS:
                self._tell_once("still waiting for an answer")
            return
        match result:
            case CodePage():
                self._take_page(result)
            case BatchResult():
                self._take_answer(result)
            case BatchFailed():
                self._take_silence(result)
            case MarkedEnqueued():
                self._take_noted(result)

    def _tell_once(self, text: str) -> None:
        """The first time that anything keeps the run waiting."""
        if not self._told:
            self._told = True
            self._patience.tell(text)

    def _seconds_to_wait(self) -> float | None:
        """`None` if only a result can help."""
        seconds = self._send_buffer.seconds_to_next(time.monotonic())
        if seconds is None or not self._senders.free:
            return None
        if seconds <= 0 and self._state_readers.busy:
            return None  # it waits for that page
        return max(0.0, seconds)
