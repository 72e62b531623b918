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

from extractor.backends.queues.base import JobQueue
from extractor.domain.messages import Request, parse_requests
from extractor.domain.models import ExtractionJob, OutgoingMessage
from extractor.domain.policy import SamplingPolicy
from extractor.domain.timing import Observer, Stopwatch
from extractor.errors import ExtractorError, InvalidMessageError, QueueUnavailableError, is_final, reason_of
from extractor.pipeline.job import Outcome, Turn, Workplace, extract_video

logger = logging.getLogger(__name__)

_MAX_DETAIL = 500


class Delivery(Struct, frozen=True):
    """A message as it came: JSON text (or, invoked directly, an object), on delivery `receive_count`.

    A message `from_queue` stays there until it is acknowledged; a direct one has nobody to keep it.
    """

    body: object
    receive_count: int = 1
    from_queue: bool = False

    @property
    def text(self) -> str:
        return self.body if isinstance(self.body, str) else json.dumps(self.body, default=str)


class Failure(Struct, frozen=True):
    """A job that was given up. `code` is empty if the message does not even tell that."""

    code: str
    reason: str
    detail: str


class Done(Struct, frozen=True):
    """A job that ended well, and the wall-clock seconds of its stages."""

    outcome: Outcome
    seconds: dict[str, float]


class Ignored(Struct, frozen=True):
    """A new object that was announced, and that this function has written itself."""

    bucket: str
    key: str


Result = Done | Failure | Ignored
Report = Callable[[Result | Exception], None]


def describe(result: Result) -> dict[str, object]:
    """The result as the answer to a direct invocation."""
    if isinstance(result, Failure):
        return {"code": result.code, "outcome": "failed", "reason": result.reason, "detail": result.detail}
    if isinstance(result, Ignored):
        return {"bucket": result.bucket, "key": result.key, "outcome": "ignored"}
    manifest = result.outcome.manifest
    frames = {"frames": len(manifest.frames)} if manifest else {}
    return {"code": result.outcome.code, "outcome": result.outcome.status, **frames}


class _Item(Struct, frozen=True):
    """A part of a message that fails by itself; `text` is the message that asks for it alone."""

    code: str
    text: str
    delivery: Delivery


class Worker(Struct, frozen=True):
    """Handles messages. `dead_letters` is ``None`` if the queue's own redrive has to do. `is_own_output`
    tells, by bucket and key, what this function has written. `max_receives` is how often the queue delivers
    a message; ``None`` if that is not known."""

    place: Workplace
    policy: SamplingPolicy
    dead_letters: JobQueue | None
    observe: Observer
    report: Report
    is_own_output: Callable[[str, str], bool] = lambda bucket, key: False  # noqa: ARG005
    max_receives: int | None = None

    def handle(
        self, delivery: Delivery, deadline: float, following: Delivery | None = None
    ) -> Sequence[Result]:
        """Do all jobs of the message, and begin to fetch the video of the `following` one meanwhile.

        Raises the first error that calls for another delivery, after the other jobs have been tried.
        """
        attempts = self._attempts(delivery, deadline, following)
        for attempt in attempts:
            if isinstance(attempt, Exception):
                raise attempt
        return [attempt for attempt in attempts if not isinstance(attempt, Exception)]

    def give_up(self, delivery: Delivery, error: ExtractorError) -> bool:
        """Settle a message that was not begun, if this is its last delivery. Returns whether that was done,
        so that it is acknowledged."""
        if not self._is_last(delivery):
            return False
        return isinstance(self._conclude(_Item("", delivery.text, delivery), error), Failure)

    def _attempts(
        self, delivery: Delivery, deadline: float, following: Delivery | None
    ) -> Sequence[Result | Exception]:
        try:
            requests = self._requests(delivery)
        except InvalidMessageError as error:
            return [self._conclude(_Item("", delivery.text, delivery), error)]
        wanted = [request for request in requests if not self._is_ours(request)]
        coming = [*(request.job for request in wanted[1:]), *self._first_job(following), None]
        return [
            *(self._ignore(request.job) for request in requests if request not in wanted),
            *(
                self._attempt(
                    _Item(
                        request.job.code,
                        delivery.text if len(requests) == 1 else json.dumps(request.message),
                        delivery,
                    ),
                    partial(self._do, request.job, delivery, deadline, next_job),
                )
                for request, next_job in zip(wanted, coming, strict=False)
            ),
        ]

    def _requests(self, delivery: Delivery) -> tuple[Request, ...]:
        templates = self.place.sources.sources.key_templates
        return parse_requests(delivery.body, self.policy, templates, delivery.receive_count)

    def _first_job(self, delivery: Delivery | None) -> tuple[ExtractionJob, ...]:
        """Of a message that is looked at early; if it makes no sense, its own turn will tell."""
        try:
            requests = self._requests(delivery) if delivery else ()
        except InvalidMessageError:
            return ()
        return tuple(request.job for request in requests if not self._is_ours(request))[:1]

    def _is_ours(self, request: Request) -> bool:
        job = request.job
        return request.is_announced and self.is_own_output(job.bucket or "", job.key or "")

    def _ignore(self, job: ExtractionJob) -> Ignored:
        ignored = Ignored(job.bucket or "", job.key or "")
        logger.info("ignored: written by this function", extra={"bucket": ignored.bucket, "key": ignored.key})
        self.report(ignored)
        return ignored

    def _attempt(self, item: _Item, do: Callable[[], Done]) -> Result | Exception:
        try:
            return do()
        except Exception as error:  # noqa: BLE001 - here, and only here, anything may have gone wrong
            return self._conclude(item, error)

    def _conclude(self, item: _Item, error: Exception) -> Failure | Exception:
        """The failure, if `error` is the end of the item and the dead-letter queue has taken it; else the
        error that calls for another delivery."""
        try:
            if isinstance(error, ExtractorError) and self._is_final(error, item.delivery):
                return self._settle(item, error, "failed for good")
            if self._is_last(item.delivery):
                return self._settle(item, error, "given up at its last delivery")
        except ExtractorError as refusal:
            error = refusal
        logger.warning(
            "another delivery is needed",
            exc_info=None if isinstance(error, ExtractorError) else error,
            extra={"code": item.code, "reason": reason_of(error), "detail": str(error)},
        )
        self.report(error)
        return error

    def _is_final(self, error: ExtractorError, delivery: Delivery) -> bool:
        """Nobody here delivers a direct event a second time."""
        return is_final(error, delivery.receive_count if delivery.from_queue else 2)

    def _is_last(self, delivery: Delivery) -> bool:
        return (
            delivery.from_queue
            and self.dead_letters is not None
            and self.max_receives is not None
            and delivery.receive_count >= self.max_receives
        )

    def _do(
        self, job: ExtractionJob, delivery: Delivery, deadline: float, coming: ExtractionJob | None
    ) -> Done:
        watch = Stopwatch(self.observe)

        def fetch_next() -> None:
            if coming is not None:
                self.place.sources.prefetch(coming, deadline)

        turn = Turn(
            deadline=deadline,
            watch=watch,
            is_final=lambda error: self._is_final(error, delivery),
            is_first=delivery.from_queue and delivery.receive_count == 1,
            when_downloaded=fetch_next,
        )
        outcome = extract_video(job, self.place, turn)
        done = Done(outcome, dict(watch.seconds))
        logger.info("done", extra={"code": job.code, "outcome": outcome.status, "seconds": done.seconds})
        self.report(done)
        return done

    def _settle(self, item: _Item, error: Exception, how: str) -> Failure:
        """Bury the message of an item, or raise so that it is not acknowledged."""
        failure = Failure(item.code, reason_of(error), str(error)[:_MAX_DETAIL])
        if self.dead_letters is not None:
            self._bury(self.dead_letters, item, failure)
        elif item.delivery.from_queue:
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

    def _bury(self, dead_letters: JobQueue, item: _Item, failure: Failure) -> None:
        attributes = {
            "reason": failure.reason,
            "detail": failure.detail,
            "code": failure.code,
            "receive_count": str(item.delivery.receive_count),
        }
        letter = OutgoingMessage(item.text, {name: value for name, value in attributes.items() if value})
        if refused := dead_letters.send([letter]):
            raise QueueUnavailableError(f"the dead-letter queue refused the message: {refused[0].code}")
