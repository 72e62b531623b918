"""One message: its jobs are done, and what cannot be done is settled. The only place that decides
whether a failure is final.

A final failure is recorded in the state, sent to the dead-letter queue with its reason, and then
acknowledged. Everything else is raised, so that the queue delivers the message again; at its last delivery
it goes to the dead-letter queue as well, and its row stays as it is.
"""

import json
import logging
from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct

from extractor.backends.queues.base import JobQueue, OutgoingMessage
from extractor.domain.jobs import ExtractionJob
from extractor.domain.messages import Request, parse_requests
from extractor.domain.policy import SamplingPolicy
from extractor.domain.results import JobFailed, JobResult, JobSucceeded, ObjectIgnored, OnResult
from extractor.domain.timing import Observer, Stopwatch
from extractor.errors import ExtractorError, InvalidMessageError, QueueUnavailableError, is_final, reason_of
from extractor.pipeline.job import JobContext, WorkerContext, extract_video

logger = logging.getLogger(__name__)

_MAX_DETAIL = 500


class ReceivedMessage(Struct, frozen=True):
    """A message as it came: JSON text (or, invoked directly, an object), on delivery `receive_count`.

    A message `from_queue` stays there until it is acknowledged; a direct one has nobody to keep it.
    """

    body: object
    receive_count: int = 1
    from_queue: bool = False

    @property
    def text(self) -> str:
        return self.body if isinstance(self.body, str) else json.dumps(self.body, default=str)


class _MessagePart(Struct, frozen=True):
    """A part of a message that fails by itself; `text` is the message that asks for it alone."""

    code: str
    text: str
    message: ReceivedMessage


class Worker(Struct, frozen=True):
    """Handles messages. `dead_letters` is ``None`` if the queue's own redrive has to do. `is_own_output`
    tells, by bucket and key, what this function has written. `max_receives` is how often the queue delivers
    a message; ``None`` if that is not known."""

    context: WorkerContext
    policy: SamplingPolicy
    dead_letters: JobQueue | None
    observe: Observer
    report: OnResult
    is_own_output: Callable[[str, str], bool] = lambda bucket, key: False  # noqa: ARG005
    max_receives: int | None = None

    def handle(
        self, message: ReceivedMessage, deadline: float, next_message: ReceivedMessage | None = None
    ) -> Sequence[JobResult]:
        """Do all jobs of the message, and begin to fetch the video of the `following` one meanwhile.

        Raises the first error that calls for another delivery, after the other jobs have been tried.
        """
        attempts = self._attempts(message, deadline, next_message)
        for attempt in attempts:
            if isinstance(attempt, Exception):
                raise attempt
        return [attempt for attempt in attempts if not isinstance(attempt, Exception)]

    def cancel_prefetch(self) -> None:
        """End the download of a next video, if one is under way."""
        self.context.videos.cancel()

    def give_up(self, message: ReceivedMessage, error: ExtractorError) -> bool:
        """Settle a message that was not begun, if this is its last delivery. Returns whether that was done,
        so that it is acknowledged."""
        if not self._is_last(message):
            return False
        return isinstance(self._handle_error(_MessagePart("", message.text, message), error), JobFailed)

    def _attempts(
        self, message: ReceivedMessage, deadline: float, next_message: ReceivedMessage | None
    ) -> Sequence[JobResult | Exception]:
        try:
            requests = self._requests(message)
        except InvalidMessageError as error:
            return [self._handle_error(_MessagePart("", message.text, message), error)]
        wanted = [request for request in requests if not self._is_ours(request)]
        coming = [*(request.job for request in wanted[1:]), *self._first_job(next_message), None]
        return [
            *(self._ignore(request.job) for request in requests if request not in wanted),
            *(
                self._attempt(
                    _MessagePart(
                        request.job.code,
                        message.text if len(requests) == 1 else json.dumps(request.message),
                        message,
                    ),
                    partial(self._run_job, request.job, message, deadline, next_job),
                )
                for request, next_job in zip(wanted, coming, strict=False)
            ),
        ]

    def _requests(self, message: ReceivedMessage) -> tuple[Request, ...]:
        templates = self.context.videos.key_templates
        return parse_requests(message.body, self.policy, templates, message.receive_count)

    def _first_job(self, message: ReceivedMessage | None) -> tuple[ExtractionJob, ...]:
        """Of a message that is looked at early; if it makes no sense, its own turn will tell."""
        try:
            requests = self._requests(message) if message else ()
        except InvalidMessageError:
            return ()
        return tuple(request.job for request in requests if not self._is_ours(request))[:1]

    def _is_ours(self, request: Request) -> bool:
        job = request.job
        return request.is_announced and self.is_own_output(job.bucket or "", job.key or "")

    def _ignore(self, job: ExtractionJob) -> ObjectIgnored:
        ignored = ObjectIgnored(job.bucket or "", job.key or "")
        logger.info("ignored: written by this function", extra={"bucket": ignored.bucket, "key": ignored.key})
        self.report(ignored)
        return ignored

    def _attempt(self, item: _MessagePart, do: Callable[[], JobSucceeded]) -> JobResult | Exception:
        try:
            return do()
        except Exception as error:  # noqa: BLE001 - here, and only here, anything may have gone wrong
            return self._handle_error(item, error)

    def _handle_error(self, item: _MessagePart, error: Exception) -> JobFailed | Exception:
        """The failure, if `error` is the end of the item and the dead-letter queue has taken it; else the
        error that calls for another delivery."""
        try:
            if isinstance(error, ExtractorError) and self._is_final(error, item.message):
                return self._finish_failed(item, error, "failed for good")
            if self._is_last(item.message):
                return self._finish_failed(item, error, "given up at its last delivery")
        except ExtractorError as refusal:
            error = refusal
        logger.warning(
            "another delivery is needed",
            exc_info=None if isinstance(error, ExtractorError) else error,
            extra={"code": item.code, "reason": reason_of(error), "detail": str(error)},
        )
        self.report(error)
        return error

    def _is_final(self, error: ExtractorError, message: ReceivedMessage) -> bool:
        """Nobody here delivers a direct event a second time."""
        return is_final(error, message.receive_count if message.from_queue else 2)

    def _is_last(self, message: ReceivedMessage) -> bool:
        return (
            message.from_queue
            and self.dead_letters is not None
            and self.max_receives is not None
            and message.receive_count >= self.max_receives
        )

    def _run_job(
        self, job: ExtractionJob, message: ReceivedMessage, deadline: float, coming: ExtractionJob | None
    ) -> JobSucceeded:
        watch = Stopwatch(self.observe)

        def fetch_next() -> None:
            if coming is not None:
                self.context.videos.prefetch(coming, deadline)

        job_context = JobContext(
            deadline=deadline,
            watch=watch,
            is_final=lambda error: self._is_final(error, message),
            is_first_delivery=message.from_queue and message.receive_count == 1,
            on_downloaded=fetch_next,
        )
        outcome = extract_video(job, self.context, job_context)
        done = JobSucceeded(outcome, dict(watch.seconds))
        logger.info("done", extra={"code": job.code, "outcome": outcome.status, "seconds": done.seconds})
        self.report(done)
        return done

    def _finish_failed(self, item: _MessagePart, error: Exception, how: str) -> JobFailed:
        """Bury the message of an item, or raise so that it is not acknowledged."""
        failure = JobFailed(item.code, reason_of(error), str(error)[:_MAX_DETAIL])
        if self.dead_letters is not None:
            self._send_to_dead_letter_queue(self.dead_letters, item, failure)
        elif item.message.from_queue:
            raise QueueUnavailableError(
                f"DEAD_LETTER_QUEUE_URL is not set, so the queue must keep this: {failure.reason}: {error}"
            ) from error
        logger.error(
            how,
            exc_info=None if isinstance(error, ExtractorError) else error,
            extra={"code": item.code, "reason": failure.reason, "detail": failure.detail},
        )
        self.report(failure)
        return failure

    def _send_to_dead_letter_queue(
        self, dead_letters: JobQueue, item: _MessagePart, failure: JobFailed
    ) -> None:
        attributes = {
            "reason": failure.reason,
            "detail": failure.detail,
            "code": failure.code,
            "receive_count": str(item.message.receive_count),
        }
        dead_letter = OutgoingMessage(item.text, {name: value for name, value in attributes.items() if value})
        if refused := dead_letters.send([dead_letter]):
            raise QueueUnavailableError(f"the dead-letter queue refused the message: {refused[0].code}")
