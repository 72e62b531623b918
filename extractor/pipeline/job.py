"""The use case of the worker: one job in, its video's frames stored, its manifest written, its row flipped.

The order of the effects is the guarantee: frames, then the manifest that vouches for them, then the
state, and only then is anything deleted. Whatever happens in between, the same job run again ends well.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from extractor.backends.state.base import StateStore
from extractor.backends.storage.base import ObjectStore
from extractor.domain import keys
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
)
from extractor.output import manifest_store
from extractor.output.frame_store import FrameStore, list_by_key
from extractor.output.partial_run import PartialRun
from extractor.pipeline.extract import ExtractionTask, ExtractorConfig, extract
from extractor.pipeline.prefetch import Prefetcher
from extractor.pipeline.source import VideoSource, check_source_size
from extractor.pipeline.workdir import job_directory

_MAX_DETAIL = 500  # characters
_LEASE_MARGIN_SECONDS = 60  # a claim must outlive the invocation, which ends a little after its deadline


class WorkerContext(Struct, frozen=True):
    """Everything that a worker works with, the same for all jobs."""

    state: StateStore
    videos: Prefetcher
    frames: ObjectStore
    layout: Layout
    config: ExtractorConfig
    work_dir: Path

    @property
    def keyed_by_version(self) -> bool:
        """Whether a video is known by its version, so that its object is looked at before its state."""
        return self.state.keyed_by_version or self.layout.needs_video_id

    def frame_keys(self, job: ExtractionJob, video: SourceVideo | None) -> FrameKeys:
        """Raises `InvalidMessageError` if the video cannot have a folder of its own."""
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
    """What surrounds one job: until when it must end (a `time.monotonic()` value), who watches its
    stages, which errors settle its fate, whether it was never tried before, so that none of its frames
    can be there, and who is told that the network is free for the next video."""

    deadline: float
    watch: Stopwatch
    is_final: Callable[[ExtractorError], bool]
    is_first_delivery: bool = False
    on_downloaded: Callable[[], None] = lambda: None


def extract_video(job: ExtractionJob, context: WorkerContext, job_context: JobContext) -> JobOutcome:
    """Do the job. Raises the `ExtractorError` that prevented it, after recording a final one."""
    try:
        return _extract(job, context, job_context)
    except ConflictError:
        if not job_context.is_first_delivery:
            raise
        # Somebody left frames where none were expected: look first, as on any later delivery.
        return _extract(job, context, replace(job_context, is_first_delivery=False))


def _extract(job: ExtractionJob, context: WorkerContext, job_context: JobContext) -> JobOutcome:
    with ExitStack() as held:
        source = held.enter_context(context.videos.open(job)) if context.keyed_by_version else None
        subject = VideoRef(job.code, source.video if source else None)
        with _recording_failure(subject, context.state, job_context):
            frame_keys = context.frame_keys(job, subject.source)
            if _begin(subject, context.state, job_context) and (
                job_context.is_first_delivery or _is_intact(context.frames, frame_keys)
            ):
                return JobOutcome(job.code, "skipped")
            with ThreadPoolExecutor(1) as pool:  # on short videos each round trip counts: two at once
                reading = pool.submit(manifest_store.read_manifest, context.frames, frame_keys)
                source = source or held.enter_context(context.videos.open(job))
                return _complete(
                    _PreparedJob(job, subject, source, frame_keys, reading.result()), context, job_context
                )


class _PreparedJob(Struct, frozen=True):
    """A job that is to be done: its video, where its frames go, and what an earlier run left there."""

    job: ExtractionJob
    subject: VideoRef
    source: VideoSource
    frame_keys: FrameKeys
    earlier: manifest_store.StoredManifest


@contextmanager
def _recording_failure(subject: VideoRef, state: StateStore, job_context: JobContext) -> Iterator[None]:
    """Whatever ends the job without success is recorded if it is final; else the claim is given up."""
    try:
        yield
    except ExtractorError as error:
        if job_context.is_final(error):
            state.record_failure(subject, error.reason, str(error)[:_MAX_DETAIL])
        else:
            _release_claim(subject, state)
        raise
    except BaseException:
        _release_claim(subject, state)
        raise


def _release_claim(subject: VideoRef, state: StateStore) -> None:
    with suppress(TransientError):  # the claim ends by itself
        state.release(subject)


def _begin(subject: VideoRef, state: StateStore, job_context: JobContext) -> bool:
    lease_seconds = 1.25 * max(0.0, job_context.deadline - time.monotonic()) + _LEASE_MARGIN_SECONDS
    with job_context.watch.stage("state"):
        row = state.begin(subject, lease_seconds)
    if row is None:
        raise NotInStateError(f"the state has no row for the code {subject.code}")
    if not row.is_extracted and not row.is_fetched:
        raise NotFetchedError("the video is not marked as fetched yet")
    return row.is_extracted


def _is_intact(store: ObjectStore, frame_keys: FrameKeys) -> bool:
    """Whether a video that is done is still as its manifest says, as far as there is one. Asked where an
    earlier delivery has failed: it may have met another worker at this video."""
    manifest = manifest_store.read_manifest(store, frame_keys).manifest
    return manifest is None or manifest_store.frames_intact(manifest, list_by_key(store, frame_keys))


def _complete(case: _PreparedJob, context: WorkerContext, job_context: JobContext) -> JobOutcome:
    earlier = case.earlier
    known = (
        list_by_key(context.frames, case.frame_keys)
        if earlier.etag or not job_context.is_first_delivery
        else {}
    )
    offered = earlier.manifest is not None and earlier.manifest.has_output(context.config.output)
    is_current = offered and earlier.is_current(case.source.video, case.job.policy, known)
    if earlier.manifest and is_current:
        manifest = earlier.manifest
    else:
        frame_store = FrameStore(context.frames, case.frame_keys, case.job.policy.image_format, known)
        manifest = _extract_frames(case, frame_store, context, job_context)
    with job_context.watch.stage("state"):
        context.state.mark_extracted(case.subject, manifest.summary(case.frame_keys.prefix))
    if not is_current:
        manifest_store.delete_superseded_frames(context.frames, case.frame_keys, earlier, manifest, known)
    return JobOutcome(case.job.code, "confirmed" if is_current else "extracted", manifest)


def _extract_frames(
    case: _PreparedJob, frame_store: FrameStore, context: WorkerContext, job_context: JobContext
) -> Manifest:
    job, source = case.job, case.source
    with job_directory(context.work_dir) as directory:
        check_source_size(source.video, context.videos.max_bytes, directory)
        path = directory / "source"
        with job_context.watch.stage("download"):
            source.download(path, job_context.deadline)
        job_context.on_downloaded()
        partial_run = PartialRun(context.frames, case.frame_keys, source.video, job.policy)
        stored = partial_run.read(frame_store.known)
        task = ExtractionTask(
            path, job.code, job.platform, source.video, job.policy, job_context.deadline, stored
        )
        with partial_run.saving(frame_store, stored) as progress:
            manifest = extract(task, frame_store, context.config, job_context.watch, progress)
    with job_context.watch.stage("manifest"):
        manifest_store.commit_manifest(context.frames, case.frame_keys, manifest, replaces=case.earlier.etag)
    partial_run.remove()
    return manifest
