"""One job: store a video's frames, write their manifest, and mark its row.

The order of the effects is the guarantee: first the frames, then the manifest that lists them, then the
state, then deletions, and last the notification. After a failure at any point, running the same job again
completes it. A job that finds its video extracted announces it all the same: it cannot know whether an
earlier run came that far.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

from msgspec.structs import replace

from extractor.backends.state.base import StateStore
from extractor.backends.storage.base import ObjectStore
from extractor.domain.jobs import ExtractionJob, SourceVideo, VideoRef
from extractor.domain.layout import FrameKeys
from extractor.domain.manifest import Manifest
from extractor.domain.results import JobOutcome, JobStatus
from extractor.errors import (
    ConflictError,
    ExtractorError,
    NotFetchedError,
    NotInStateError,
    TransientError,
    detail_of,
)
from extractor.output import manifest_store
from extractor.output.frame_store import FrameStore, list_by_key
from extractor.output.partial_run import PartialRun
from extractor.output.slice_records import delete_records
from extractor.pipeline.announcement import Announcement, announced
from extractor.pipeline.download import DownloadedVideo
from extractor.pipeline.extract import ExtractionTask, extract
from extractor.pipeline.job_context import JobContext, WorkerContext
from extractor.pipeline.prefetch import VideoSource
from extractor.pipeline.slices import SliceJob, is_elected, make_slice, send_slices, slice_job
from extractor.pipeline.splitting import SliceMismatchError, SplitNeeded

_LEASE_MARGIN_SECONDS = 60  # a claim must outlive the invocation, which ends shortly after its deadline


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
    try:
        with announced(context, job_context) as announcement, ExitStack() as held:
            job, opened, is_first = job_context.job, announcement.sources, job_context.is_first_delivery
            is_known = context.keyed_by_version or job.part is not None
            source = _open(held, context, job, opened) if is_known else None
            subject = VideoRef(job.code, source.video if source else None)
            held.enter_context(_recording_failure(subject, context.state, job_context))
            frame_keys = context.frame_keys(job, subject.source)
            if job.part is not None and source is not None:
                part = slice_job(job.part, source.video, frame_keys, context, job_context)
                return _do_slice(part, source, context, job_context, announcement)
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
            output = context.config.output
            if earlier.manifest and earlier.is_current(source.video, job.policy, output, known):
                _mark_extracted(subject, earlier.manifest, frame_keys, context, job_context)
                return announcement.of(JobOutcome(job.code, "confirmed", earlier.manifest), frame_keys)
            frame_store = FrameStore(context.frames, frame_keys, job.policy.image_format, known)
            try:
                manifest = _extract_frames(source, earlier, frame_store, context, job_context)
            except SplitNeeded as split:
                _release_claim(subject, context.state)
                send_slices(split.slices, source.video, earlier.etag, context, job_context)
                return JobOutcome(job.code, "split")
            _mark_extracted(subject, manifest, frame_keys, context, job_context)
            manifest_store.delete_superseded_frames(context.frames, frame_keys, earlier, manifest, known)
            delete_records(context.frames, frame_keys, known)
            return announcement.of(JobOutcome(job.code, "extracted", manifest), frame_keys)
    except ConflictError:
        if not job_context.is_first_delivery:
            raise
    return extract_video(context, replace(job_context, is_first_delivery=False))


def _do_slice(
    part: SliceJob,
    source: VideoSource,
    context: WorkerContext,
    job_context: JobContext,
    announcement: Announcement,
) -> JobOutcome:
    """Make a slice. If it is the last one, commit the manifest of the video and mark its row."""
    job, frame_keys, output = job_context.job, part.frame_keys, context.config.output
    subject = VideoRef(job.code, source.video)
    found, joined, may_split = part.look(output), None, True
    if found == "open":
        try:
            joined = _make_slice(part, source, context, job_context)
            # If another run has ended meanwhile, frames of this slice may have replaced its frames.
            found = "open" if joined else part.look(output)
        except SliceMismatchError:
            found, may_split = "stale", False
    if found == "stale" and is_elected(part):
        return extract_video(context, job_context.of_whole_video(may_split=may_split))
    if found != "ended" and joined is None:
        return JobOutcome(job.code, "sliced")
    is_extracted = _begin(subject, context.state, job_context)
    earlier = manifest_store.read_manifest(context.frames, frame_keys)
    known = list_by_key(context.frames, frame_keys)
    is_current = earlier.is_current(source.video, job.policy, output, known)
    if is_current and is_extracted:
        return announcement.of(JobOutcome(job.code, "skipped"), frame_keys)
    manifest = earlier.manifest if is_current else joined
    if manifest is None:
        raise ConflictError("the manifest was replaced meanwhile")
    if not is_current:
        _commit(manifest, part.part.manifest, frame_keys, context, job_context)
    _mark_extracted(subject, manifest, frame_keys, context, job_context)
    if not is_current:
        manifest_store.delete_superseded_frames(context.frames, frame_keys, earlier, manifest, known)
    delete_records(context.frames, frame_keys, known)
    status: JobStatus = "confirmed" if is_current else "extracted"
    return announcement.of(JobOutcome(job.code, status, manifest), frame_keys)


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
    """Download the video, store its frames, and commit their manifest in place of the earlier one.

    Raises:
        SplitNeeded: The frames must be made in slices.
    """
    job, frame_keys = job_context.job, frame_store.frame_keys
    can_split = context.slices is not None and job_context.message is not None
    with _downloaded(source, context, job_context) as got:
        partial_run = PartialRun(context.frames, frame_keys, source.video, job.policy)
        reused = partial_run.read(frame_store.known)
        split_seconds = context.slices.seconds if context.slices and can_split else 0.0
        task = replace(_task(got, job_context), stored=reused, split_seconds=split_seconds)
        with partial_run.saving(frame_store, reused) as progress:
            manifest = extract(task, frame_store, context.config, job_context.watch, progress)
    _commit(manifest, earlier.etag, frame_keys, context, job_context)
    partial_run.remove()
    return manifest


def _make_slice(
    part: SliceJob, source: VideoSource, context: WorkerContext, job_context: JobContext
) -> Manifest | None:
    """Make a slice, and return the manifest of the video if all slices are made."""

    def make(frame_store: FrameStore) -> Manifest:
        with _downloaded(source, context, job_context) as got:
            task = _task(got, job_context)
            return extract(task, frame_store, context.config, job_context.watch, lambda _done, _total: None)

    return make_slice(part, make)


def _task(got: DownloadedVideo, job_context: JobContext) -> ExtractionTask:
    job = job_context.job
    return ExtractionTask(
        got.path,
        job.code,
        job.platform,
        got.video,
        job.policy,
        job_context.deadline,
        copy=got.copy,
        part=job.part,
    )


@contextmanager
def _downloaded(
    source: VideoSource, context: WorkerContext, job_context: JobContext
) -> Iterator[DownloadedVideo]:
    """Download what is needed of a video; its file exists until the block ends."""
    job = job_context.job
    with ExitStack() as held:
        with job_context.watch.stage("download"):
            got = held.enter_context(
                context.videos.download(source, job.policy, job_context.deadline, job.part)
            )
        job_context.on_downloaded()
        yield got
        job_context.watch.fetched_bytes = got.fetched_bytes


def _commit(
    manifest: Manifest,
    replaces: str | None,
    frame_keys: FrameKeys,
    context: WorkerContext,
    job_context: JobContext,
) -> None:
    with job_context.watch.stage("manifest"):
        manifest_store.commit_manifest(context.frames, frame_keys, manifest, replaces=replaces)


def _mark_extracted(
    subject: VideoRef,
    manifest: Manifest,
    frame_keys: FrameKeys,
    context: WorkerContext,
    job_context: JobContext,
) -> None:
    with job_context.watch.stage("state"):
        context.state.mark_extracted(subject, manifest.summary(frame_keys.prefix))
