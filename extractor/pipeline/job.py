"""One job: store a video's frames, write their manifest, and mark its row.

The order of the effects is the guarantee: first the frames, then the manifest that lists them, then the
state, then deletions, and last the notification. After a failure at any point, running the same job again
completes it. A job that finds its video extracted announces it all the same: it cannot know whether an
earlier run came that far.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

from msgspec import Struct, field

from extractor.backends.notifications import Notifier
from extractor.backends.state.base import StateStore
from extractor.backends.storage.base import ObjectStore
from extractor.domain import keys
from extractor.domain.events import VideoEvent, done_event, failed_event
from extractor.domain.jobs import ExtractionJob, SourceVideo, VideoRef
from extractor.domain.layout import FrameKeys, Layout
from extractor.domain.manifest import Manifest
from extractor.domain.results import JobOutcome
from extractor.domain.timing import Stopwatch
from extractor.errors import (
    ConflictError,
    ExtractorError,
    InvalidMessageError,
    NotFetchedError,
    NotInStateError,
    TransientError,
    detail_of,
)
from extractor.output import manifest_store
from extractor.output.frame_store import FrameStore, list_by_key
from extractor.output.partial_run import PartialRun
from extractor.pipeline.extract import ExtractionTask, ExtractorConfig, extract
from extractor.pipeline.prefetch import Prefetcher, VideoSource

_LEASE_MARGIN_SECONDS = 60  # a claim must outlive the invocation, which ends shortly after its deadline


class WorkerContext(Struct, frozen=True):
    """What all jobs of a worker share.

    Attributes:
        state: The state of the videos.
        videos: Opens, prefetches and downloads source videos.
        frames: The bucket of the frames.
        layout: Keys of the frames.
        config: How videos are decoded and stored.
        notifier: Sends notifications; ``None`` if nobody wants them.
        frames_bucket: Name of the bucket of the frames, for notifications.
    """

    state: StateStore
    videos: Prefetcher
    frames: ObjectStore
    layout: Layout
    config: ExtractorConfig
    notifier: Notifier | None = None
    frames_bucket: str = ""

    @property
    def keyed_by_version(self) -> bool:
        """Whether the source must be opened before its state, since its version is part of its identity."""
        return self.state.keyed_by_version or self.layout.needs_video_id

    def frame_keys(self, job: ExtractionJob, video: SourceVideo | None) -> FrameKeys:
        """Return the keys of the job's frames.

        Raises:
            InvalidMessageError: The layout has no separate folder for this video.
        """
        try:
            return self.layout.frame_keys(
                code=job.code,
                platform=job.platform,
                video_id=keys.content_id(video) if video else None,
                interval_seconds=job.policy.interval_seconds,
                extension=job.policy.image_format,
            )
        except ValueError as error:
            raise InvalidMessageError(str(error)) from error


class JobContext(Struct, frozen=True):
    """One job and its circumstances.

    Attributes:
        job: What to extract.
        deadline: When the job must end, as of `time.monotonic()`.
        watch: Measures the stages.
        is_final: Tells whether an error is final for this delivery of the message.
        is_first_delivery: Whether the job has never been tried, so that none of its frames can exist.
        on_downloaded: Called when the network is free for the next video.
    """

    job: ExtractionJob
    deadline: float
    watch: Stopwatch
    is_final: Callable[[ExtractorError], bool]
    is_first_delivery: bool = False
    on_downloaded: Callable[[], None] = lambda: None


def extract_video(context: WorkerContext, job_context: JobContext) -> JobOutcome:
    """Do the job and announce its outcome, if that is final.

    At a conflict on the first delivery, try once more. The second attempt does what a later delivery does.

    Args:
        context: What all jobs of the worker share.
        job_context: The job.

    Returns:
        What was done.

    Raises:
        ExtractorError: Why the job failed. If it is final, the state has recorded it.
    """
    job = job_context.job
    with _announced(context, job_context) as announcement:
        opened = announcement.sources
        for is_first in (True, False) if job_context.is_first_delivery else (False,):
            try:
                with ExitStack() as held:
                    source = _open(held, context, job, opened) if context.keyed_by_version else None
                    subject = VideoRef(job.code, source.video if source else None)
                    held.enter_context(_recording_failure(subject, context.state, job_context))
                    frame_keys = context.frame_keys(job, subject.source)
                    if _begin(subject, context.state, job_context) and (
                        is_first or _is_intact(context.frames, frame_keys)
                    ):
                        return announcement.of(JobOutcome(job.code, "skipped"), frame_keys)
                    # In parallel: each round trip counts for a short video.
                    with ThreadPoolExecutor(1) as pool:
                        reading = pool.submit(manifest_store.read_manifest, context.frames, frame_keys)
                        source = source or _open(held, context, job, opened)
                        earlier = reading.result()
                    known = {} if is_first and not earlier.etag else list_by_key(context.frames, frame_keys)
                    is_current = earlier.is_current(source.video, job.policy, context.config.output, known)
                    if earlier.manifest and is_current:
                        manifest = earlier.manifest
                    else:
                        frame_store = FrameStore(context.frames, frame_keys, job.policy.image_format, known)
                        manifest = _extract_frames(source, earlier, frame_store, context, job_context)
                    _mark_extracted(subject, manifest, frame_keys, context, job_context)
                    if not is_current:
                        manifest_store.delete_superseded_frames(
                            context.frames, frame_keys, earlier, manifest, known
                        )
                    outcome = JobOutcome(job.code, "confirmed" if is_current else "extracted", manifest)
                    return announcement.of(outcome, frame_keys)
            except ConflictError:
                if not is_first:
                    raise
    raise AssertionError("the last attempt returns or raises")


class _Announcement(Struct):
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
def _announced(context: WorkerContext, job_context: JobContext) -> Iterator[_Announcement]:
    """Announce at the end of the block what was done, or why the job has failed for good.

    Raises:
        NotificationFailedError: The target has not confirmed it. The message must not be acknowledged.
    """
    job, announcement = job_context.job, _Announcement()
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


def _open(
    held: ExitStack, context: WorkerContext, job: ExtractionJob, opened: list[SourceVideo]
) -> VideoSource:
    """Open the source for as long as `held` is open, and add its version to `opened`."""
    source = held.enter_context(context.videos.open(job))
    opened.append(source.video)
    return source


@contextmanager
def _recording_failure(subject: VideoRef, state: StateStore, job_context: JobContext) -> Iterator[None]:
    """Record a final failure in the state; release the claim after any other error."""
    try:
        yield
    except ExtractorError as error:
        if job_context.is_final(error):
            state.record_failure(subject, error.reason, detail_of(error))
        else:
            _release_claim(subject, state)
        raise
    except BaseException:
        _release_claim(subject, state)
        raise


def _release_claim(subject: VideoRef, state: StateStore) -> None:
    with suppress(TransientError):  # the claim expires anyway
        state.release(subject)


def _begin(subject: VideoRef, state: StateStore, job_context: JobContext) -> bool:
    """Claim the video, and return whether its row is marked as extracted already."""
    lease_seconds = 1.25 * max(0.0, job_context.deadline - time.monotonic()) + _LEASE_MARGIN_SECONDS
    with job_context.watch.stage("state"):
        row = state.begin(subject, lease_seconds)
    if row is None:
        raise NotInStateError(f"the state has no row for the code {subject.code}")
    if not row.is_extracted and not row.is_fetched:
        raise NotFetchedError("the video is not marked as fetched yet")
    return row.is_extracted


def _is_intact(store: ObjectStore, frame_keys: FrameKeys) -> bool:
    """Return whether the objects of a finished video match its manifest, if it has one.

    Checked on later deliveries only: the earlier attempt may have collided with another worker.
    """
    manifest = manifest_store.read_manifest(store, frame_keys).manifest
    return manifest is None or manifest_store.frames_intact(manifest, list_by_key(store, frame_keys))


def _extract_frames(
    source: VideoSource,
    earlier: manifest_store.StoredManifest,
    frame_store: FrameStore,
    context: WorkerContext,
    job_context: JobContext,
) -> Manifest:
    """Download the video, store its frames, and commit their manifest in place of the earlier one."""
    job, deadline, frame_keys = job_context.job, job_context.deadline, frame_store.frame_keys
    with ExitStack() as held:
        with job_context.watch.stage("download"):
            got = held.enter_context(context.videos.download(source, job.policy, deadline))
        job_context.on_downloaded()
        partial_run = PartialRun(context.frames, frame_keys, source.video, job.policy)
        reused = partial_run.read(frame_store.known)
        task = ExtractionTask(
            got.path, job.code, job.platform, source.video, job.policy, deadline, reused, copy=got.copy
        )
        with partial_run.saving(frame_store, reused) as progress:
            manifest = extract(task, frame_store, context.config, job_context.watch, progress)
        job_context.watch.fetched_bytes = got.fetched_bytes
    with job_context.watch.stage("manifest"):
        manifest_store.commit_manifest(context.frames, frame_keys, manifest, replaces=earlier.etag)
    partial_run.remove()
    return manifest


def _mark_extracted(
    subject: VideoRef,
    manifest: Manifest,
    frame_keys: FrameKeys,
    context: WorkerContext,
    job_context: JobContext,
) -> None:
    with job_context.watch.stage("state"):
        context.state.mark_extracted(subject, manifest.summary(frame_keys.prefix))
