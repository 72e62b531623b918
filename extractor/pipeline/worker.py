"""Process one message; dead-letter permanent failures. The only place that decides final or retry.

A final failure is recorded in the state, sent to the dead-letter queue with its reason, and acknowledged.
Any other error is raised, so that the queue delivers the message again. At the last delivery the message
goes to the dead-letter queue as well, and its row stays as it is.
"""

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from msgspec import Struct

from extractor.backends.queues.base import JobQueue, OutgoingMessage
from extractor.domain.extras import require_detector
from extractor.domain.jobs import ExtractionJob
from extractor.domain.messages import Request, parse_requests
from extractor.domain.policy import SamplingPolicy
from extractor.domain.results import JobFailed, JobResult, JobSucceeded, ObjectIgnored, OnResult
from extractor.domain.timing import Observer, Stopwatch
from extractor.errors import (
    ExtractorError,
    InvalidMessageError,
    QueueUnavailableError,
    detail_of,
    is_final,
    reason_of,
)
from extractor.pipeline.job import extract_video
from extractor.pipeline.job_context import JobContext, WorkerContext

logger = logging.getLogger(__name__)


class ReceivedMessage(Struct, frozen=True):
    """A message as it was delivered.

    Attributes:
        body: JSON text, or an object of a direct invocation.
        receive_count: Number of the delivery, from 1.
        from_queue: Whether a queue keeps the message until it is acknowledged.
    """

    body: object
    receive_count: int = 1
    from_queue: bool = False

    @property
    def text(self) -> str:
        """The body as JSON text."""
        return self.body if isinstance(self.body, str) else json.dumps(self.body, default=str)


class _MessagePart(Struct, frozen=True):
    """A part of a message that fails by itself; `text` is the message that asks for this part alone."""

    code: str
    text: str
    message: ReceivedMessage


class Worker(Struct, frozen=True):
    """Handles messages.

    Attributes:
        context: What all jobs share.
        policy: The default sampling policy.
        dead_letters: The dead-letter queue; ``None`` to rely on the redrive policy of the queue.
        observe: Traces the stages of a job.
        report: Receives every result and every error.
        is_own_output: Tells by bucket and key whether this project has written an object.
        max_receives: How often the queue delivers a message; ``None`` if unknown.
    """

    context: WorkerContext
    policy: SamplingPolicy
    dead_letters: JobQueue | None
    observe: Observer
    report: OnResult
    is_own_output: Callable[[str, str], bool] = lambda bucket, key: False  # noqa: ARG005
    max_receives: int | None = None

    def handle(
        self,
        message: ReceivedMessage,
        deadline: float,
        find_next: Callable[[], ReceivedMessage | None] = lambda: None,
    ) -> Sequence[JobResult]:
        """Do all jobs of a message.

        Args:
            message: The message.
            deadline: When the work must end, as of `time.monotonic()`.
            find_next: Returns the message whose video is prefetched during the last job. Called when the
                video of that job is downloaded.

        Returns:
            The results of the jobs.

        Raises:
            Exception: The first error that needs another delivery, after all jobs have been tried.
        """
        results: list[JobResult | Exception] = []
        try:
            requests = self._requests(message)
        except InvalidMessageError as error:
            requests = ()
            results.append(self._handle_error(_MessagePart("", message.text, message), error))
        wanted = [request for request in requests if not self._is_own(request)]
        results += [self._ignore(request.job) for request in requests if request not in wanted]
        for position, request in enumerate(wanted, start=1):
            text = message.text if len(requests) == 1 else json.dumps(request.message)
            find_next_job = partial(self._find_next_job, wanted[position:], find_next)
            results.append(self._run_job(request, message, text, deadline, find_next_job))
        for result in results:
            if isinstance(result, Exception):
                raise result
        return [result for result in results if not isinstance(result, Exception)]

    def codes(self, message: ReceivedMessage) -> frozenset[str]:
        """Return the codes of the message's videos; none if it is invalid, which is reported when handled."""
        try:
            return frozenset(request.job.code for request in self._requests(message))
        except InvalidMessageError:
            return frozenset()

    def cancel_prefetch(self) -> None:
        """Stop the downloads of next videos, if there are any."""
        self.context.videos.cancel()

    def give_up(self, message: ReceivedMessage, error: ExtractorError) -> bool:
        """Dead-letter a message that was not started, if this is its last delivery.

        Returns:
            Whether the message can be acknowledged.
        """
        if not self._is_last(message):
            return False
        return isinstance(self._handle_error(_MessagePart("", message.text, message), error), JobFailed)

    def _requests(self, message: ReceivedMessage) -> tuple[Request, ...]:
        templates = self.context.videos.key_templates
        requests = parse_requests(message.body, self.policy, templates, message.receive_count)
        try:
            for request in requests:
                require_detector(request.job.policy.detector)
        except ModuleNotFoundError as error:
            raise InvalidMessageError(str(error)) from error
        return requests

    def _find_next_job(
        self, rest: Sequence[Request], find_next: Callable[[], ReceivedMessage | None]
    ) -> ExtractionJob | None:
        """Return the next job of the message, or else the first one of the next message.

        An invalid message is reported when it is processed.
        """
        if not rest and (message := find_next()) is not None:
            with suppress(InvalidMessageError):
                rest = [request for request in self._requests(message) if not self._is_own(request)]
        return rest[0].job if rest else None

    def _is_own(self, request: Request) -> bool:
        job = request.job
        return request.is_announced and self.is_own_output(job.bucket or "", job.key or "")

    def _ignore(self, job: ExtractionJob) -> ObjectIgnored:
        ignored = ObjectIgnored(job.bucket or "", job.key or "")
        logger.info("ignored: written by this function", extra={"bucket": ignored.bucket, "key": ignored.key})
        self.report(ignored)
        return ignored

    def _run_job(
        self,
        request: Request,
        message: ReceivedMessage,
        text: str,
        deadline: float,
        find_next_job: Callable[[], ExtractionJob | None],
    ) -> JobResult | Exception:
        job = request.job

        def prefetch() -> None:
            if (next_job := find_next_job()) is not None:
                self.context.videos.prefetch(next_job, deadline)

        try:
            job_context = JobContext(
                job=job,
                deadline=deadline,
                watch=Stopwatch(self.observe),
                is_final=lambda error: self._is_final(error, message),
                is_first_delivery=message.from_queue and message.receive_count == 1,
                on_downloaded=prefetch,
                message=request.plain_message if message.from_queue else None,
            )
            outcome = extract_video(self.context, job_context)
            watch = job_context.watch
            done = JobSucceeded(outcome, dict(watch.seconds), watch.fetched_bytes)
            extra = {"code": job.code, "outcome": outcome.status, "seconds": done.seconds}
            logger.info("done", extra={**extra, "fetched_bytes": done.fetched_bytes})
            self.report(done)
        except Exception as error:  # noqa: BLE001 - an unexpected error fails one job
            return self._handle_error(_MessagePart(job.code, text, message), error)
        finally:
            self.context.videos.discard(job)  # a video that turned out to be extracted already
        return done

    def _handle_error(self, part: _MessagePart, error: Exception) -> JobFailed | Exception:
        """Return the failure if it is final and dead-lettered; else the error that needs another delivery."""
        try:
            if isinstance(error, ExtractorError) and self._is_final(error, part.message):
                return self._finish_failed(part, error, "failed for good")
            if self._is_last(part.message):
                return self._finish_failed(part, error, "given up at its last delivery")
        except ExtractorError as refusal:
            error = refusal
        logger.warning(
            "another delivery is needed",
            exc_info=None if isinstance(error, ExtractorError) else error,
            extra={"code": part.code, "reason": reason_of(error), "detail": str(error)},
        )
        self.report(error)
        return error

    def _is_final(self, error: ExtractorError, message: ReceivedMessage) -> bool:
        """Return whether the error is final. A direct event counts as delivered for the last time."""
        return is_final(error, message.receive_count if message.from_queue else 2)

    def _is_last(self, message: ReceivedMessage) -> bool:
        return (
            message.from_queue
            and self.dead_letters is not None
            and self.max_receives is not None
            and message.receive_count >= self.max_receives
        )

    def _finish_failed(self, part: _MessagePart, error: Exception, event: str) -> JobFailed:
        """Send the message to the dead-letter queue; raise if that is impossible, so SQS redelivers it."""
        failure = JobFailed(part.code, reason_of(error), detail_of(error))
        if self.dead_letters is not None:
            self._send_to_dead_letter_queue(self.dead_letters, part, failure)
        elif part.message.from_queue:
            raise QueueUnavailableError(
                f"DEAD_LETTER_QUEUE_URL is not set, so the queue must keep this: {failure.reason}: {error}"
            ) from error
        logger.error(
            event,
            exc_info=None if isinstance(error, ExtractorError) else error,
            extra={"code": part.code, "reason": failure.reason, "detail": failure.detail},
        )
        self.report(failure)
        return failure

    def _send_to_dead_letter_queue(
        self, dead_letters: JobQueue, part: _MessagePart, failure: JobFailed
    ) -> None:
        attributes = {
            "reason": failure.reason,
            "detail": failure.detail,
            "code": failure.code,
            "receive_count": str(part.message.receive_count),
        }
        dead_letter = OutgoingMessage(part.text, {name: value for name, value in attributes.items() if value})
        if refused := dead_letters.send([dead_letter]):
            raise QueueUnavailableError(f"the dead-letter queue refused the message: {refused[0].code}")
