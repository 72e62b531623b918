"""One message: its jobs are done, and what cannot be done is settled. The only place that decides
whether a failure is final.

A final failure is recorded in the state, sent to the dead-letter queue with its reason, and then
acknowledged. Everything else is raised, so that the queue delivers the message again.
"""

import json
import logging
from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct

from extractor.errors import ExtractorError, InvalidMessageError, QueueUnavailableError, is_final, reason_of
from extractor.messages import parse_message
from extractor.models import ExtractionJob, OutgoingMessage
from extractor.pipeline import Outcome, Turn, Workplace, extract_video
from extractor.policy import SamplingPolicy
from extractor.ports import JobQueue
from extractor.timing import Observer, Stopwatch

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
        return self.body if isinstance(self.body, str) else json.dumps(self.body)


class Failure(Struct, frozen=True):
    """A job that failed for good. `code` is empty if the message does not even tell that."""

    code: str
    reason: str
    detail: str


class Done(Struct, frozen=True):
    """A job that ended well, and the wall-clock seconds of its stages."""

    outcome: Outcome
    seconds: dict[str, float]


Result = Done | Failure
Report = Callable[[Result | Exception], None]


def describe(result: Result) -> dict[str, object]:
    """The result as the answer to a direct invocation."""
    if isinstance(result, Failure):
        return {"code": result.code, "outcome": "failed", "reason": result.reason, "detail": result.detail}
    manifest = result.outcome.manifest
    frames = {"frames": len(manifest.frames)} if manifest else {}
    return {"code": result.outcome.code, "outcome": result.outcome.status, **frames}


class Worker(Struct, frozen=True):
    """Handles messages. `dead_letters` is ``None`` if the queue's own redrive has to do."""

    place: Workplace
    policy: SamplingPolicy
    dead_letters: JobQueue | None
    observe: Observer
    report: Report

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

    def _attempts(
        self, delivery: Delivery, deadline: float, following: Delivery | None
    ) -> Sequence[Result | Exception]:
        try:
            jobs = self._jobs(delivery)
        except InvalidMessageError as error:
            return [self._attempt("", partial(self._settle, delivery, "", error))]
        coming = [*jobs[1:], *self._first_job(following), None]
        return [
            self._attempt(job.code, partial(self._do, job, delivery, deadline, next_job))
            for job, next_job in zip(jobs, coming, strict=False)
        ]

    def _jobs(self, delivery: Delivery) -> tuple[ExtractionJob, ...]:
        templates = self.place.sources.sources.key_templates
        return parse_message(delivery.body, self.policy, templates, delivery.receive_count)

    def _first_job(self, delivery: Delivery | None) -> tuple[ExtractionJob, ...]:
        """Of a message that is looked at early; if it makes no sense, its own turn will tell."""
        try:
            return self._jobs(delivery)[:1] if delivery else ()
        except InvalidMessageError:
            return ()

    def _attempt(self, code: str, do: Callable[[], Result]) -> Result | Exception:
        try:
            return do()
        except Exception as error:  # here, and only here, anything may have gone wrong
            logger.warning(
                "another delivery is needed",
                exc_info=not isinstance(error, ExtractorError),
                extra={"code": code, "reason": reason_of(error), "detail": str(error)},
            )
            self.report(error)
            return error

    def _do(
        self, job: ExtractionJob, delivery: Delivery, deadline: float, coming: ExtractionJob | None
    ) -> Result:
        watch = Stopwatch(self.observe)

        def fetch_next() -> None:
            if coming is not None:
                self.place.sources.prefetch(coming, deadline)

        turn = Turn(
            deadline=deadline,
            watch=watch,
            is_final=lambda error: is_final(error, job.receive_count),
            is_first=delivery.from_queue and delivery.receive_count == 1,
            when_downloaded=fetch_next,
        )
        try:
            outcome = extract_video(job, self.place, turn)
        except ExtractorError as error:
            if not turn.is_final(error):
                raise
            return self._settle(delivery, job.code, error)
        done = Done(outcome, dict(watch.seconds))
        logger.info("done", extra={"code": job.code, "outcome": outcome.status, "seconds": done.seconds})
        self.report(done)
        return done

    def _settle(self, delivery: Delivery, code: str, error: ExtractorError) -> Failure:
        """Bury the message of a final failure, or raise so that it is not acknowledged."""
        failure = Failure(code, error.reason, str(error)[:_MAX_DETAIL])
        if self.dead_letters is not None:
            self._bury(self.dead_letters, delivery, failure)
        elif delivery.from_queue:
            raise QueueUnavailableError(
                f"DEAD_LETTER_QUEUE_URL is not set, so the queue must keep this: {error.reason}: {error}"
            ) from error
        logger.error(
            "failed for good", extra={"code": code, "reason": failure.reason, "detail": failure.detail}
        )
        self.report(failure)
        return failure

    def _bury(self, dead_letters: JobQueue, delivery: Delivery, failure: Failure) -> None:
        attributes = {
            "reason": failure.reason,
            "detail": failure.detail,
            "code": failure.code,
            "receive_count": str(delivery.receive_count),
        }
        letter = OutgoingMessage(delivery.text, {name: value for name, value in attributes.items() if value})
        if refused := dead_letters.send([letter]):
            raise QueueUnavailableError(f"the dead-letter queue refused the message: {refused[0].code}")
