"""Announce the outcome of a job, after the state has recorded it."""

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct, field

from extractor.backends.notifications import Notifier
from extractor.domain.events import VideoEvent, done_event, failed_event
from extractor.domain.jobs import SourceVideo
from extractor.domain.layout import FrameKeys
from extractor.domain.results import JobOutcome
from extractor.errors import ExtractorError, detail_of
from extractor.output import manifest_store
from extractor.pipeline.job_context import JobContext, WorkerContext


class Announcement(Struct):
    """What is to be announced of a job.

    Attributes:
        sources: The versions of the source that were found, also if the job fails.
        outcome: What was done; ``None`` if the job fails.
        frame_keys: The keys of the frames, with the outcome.
    """

    sources: list[SourceVideo] = field(default_factory=list)
    outcome: JobOutcome | None = None
    frame_keys: FrameKeys | None = None

    def of(self, outcome: JobOutcome, frame_keys: FrameKeys) -> JobOutcome:
        """Keep the outcome, and return it."""
        self.outcome, self.frame_keys = outcome, frame_keys
        return outcome


@contextmanager
def announced(context: WorkerContext, job_context: JobContext) -> Iterator[Announcement]:
    """Announce at the end of the block what was done, or why the job has failed for good.

    Args:
        context: What all jobs of the worker share.
        job_context: The job.

    Yields:
        Where the block says what was done. If it does not, nothing is announced.

    Raises:
        NotificationFailedError: The target has not confirmed it. The message must not be acknowledged.
    """
    job, announcement = job_context.job, Announcement()
    try:
        yield announcement
    except ExtractorError as error:
        if context.notifier is not None and job_context.is_final(error):
            source = announcement.sources[-1] if announcement.sources else None
            event = failed_event(job, source, context.frames_bucket, error.reason, detail_of(error))
            _announce(event, context.notifier, job_context)
        raise
    outcome, frame_keys = announcement.outcome, announcement.frame_keys
    if context.notifier is not None and outcome is not None and frame_keys is not None:
        manifest = outcome.manifest or manifest_store.read_manifest(context.frames, frame_keys).manifest
        event = done_event(job.code, manifest, context.frames_bucket, frame_keys.manifest_key)
        _announce(event, context.notifier, job_context)


def _announce(event: VideoEvent, notifier: Notifier, job_context: JobContext) -> None:
    with job_context.watch.stage("announce"):
        notifier.send(event)
