"""The use case of the worker: one job in, its video's frames stored, its manifest written, its row flipped.

The order of the effects is the guarantee: frames, then the manifest that vouches for them, then the
state, and only then is anything deleted. Whatever happens in between, the same job run again ends well.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from extractor.backends.state.base import StateStore
from extractor.backends.storage.base import ObjectStore
from extractor.domain import keys
from extractor.domain.layout import Layout, Naming
from extractor.domain.manifest import Manifest
from extractor.domain.models import ExtractionJob, SourceVideo, Subject
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
from extractor.output.frame_store import Shelf, listed
from extractor.output.partial_run import Interim
from extractor.pipeline.extract import Assignment, Toolbox, extract
from extractor.pipeline.prefetch import Prefetcher
from extractor.pipeline.source import VideoSource, refuse_misfit
from extractor.pipeline.workdir import job_directory

Status = Literal["extracted", "confirmed", "skipped"]

_MAX_DETAIL = 500  # characters
_LEASE_MARGIN_SECONDS = 60  # a claim must outlive the invocation, which ends a little after its deadline


class Workplace(Struct, frozen=True):
    """Everything that a worker works with, the same for all jobs."""

    state: StateStore
    sources: Prefetcher
    frames: ObjectStore
    layout: Layout
    tools: Toolbox
    work_dir: Path

    @property
    def by_content(self) -> bool:
        """Whether a video is known by its version, so that its object is looked at before its state."""
        return self.state.by_content or self.layout.needs_video_id

    def naming(self, job: ExtractionJob, video: SourceVideo | None) -> Naming:
        """Raises `InvalidMessageError` if the video cannot have a folder of its own."""
        try:
            return self.layout.naming(
                code=job.code,
                platform=job.platform,
                video_id=keys.video_id(video) if video else None,
                interval_seconds=job.policy.interval_seconds,
                extension=job.policy.image_format,
            )
        except ValueError as error:
            raise InvalidMessageError(str(error)) from error


class Outcome(Struct, frozen=True):
    """What became of a job: ``extracted``; ``confirmed`` (its frames were complete, only the state did
    not say so); ``skipped`` (it was done already, and `manifest` was not looked at)."""

    code: str
    status: Status
    manifest: Manifest | None = None


class Turn(Struct, frozen=True):
    """What surrounds one job: until when it must end (a `time.monotonic()` value), who watches its
    stages, which errors settle its fate, whether it was never tried before, so that none of its frames
    can be there, and who is told that the network is free for the next video."""

    deadline: float
    watch: Stopwatch
    is_final: Callable[[ExtractorError], bool]
    is_first: bool = False
    when_downloaded: Callable[[], None] = lambda: None


def extract_video(job: ExtractionJob, place: Workplace, turn: Turn) -> Outcome:
    """Do the job. Raises the `ExtractorError` that prevented it, after recording a final one."""
    try:
        return _extract(job, place, turn)
    except ConflictError:
        if not turn.is_first:
            raise
        # Somebody left frames where none were expected: look first, as on any later delivery.
        return _extract(job, place, replace(turn, is_first=False))


def _extract(job: ExtractionJob, place: Workplace, turn: Turn) -> Outcome:
    with ExitStack() as held:
        source = held.enter_context(place.sources.open(job)) if place.by_content else None
        subject = Subject(job.code, source.video if source else None)
        with _recording(subject, place.state, turn):
            naming = place.naming(job, subject.source)
            if _is_done(subject, place.state, turn) and (turn.is_first or _is_intact(place.frames, naming)):
                return Outcome(job.code, "skipped")
            with ThreadPoolExecutor(1) as pool:  # on short videos each round trip counts: two at once
                reading = pool.submit(manifest_store.read, place.frames, naming)
                source = source or held.enter_context(place.sources.open(job))
                return _complete(_Case(job, subject, source, naming, reading.result()), place, turn)


class _Case(Struct, frozen=True):
    """A job that is to be done: its video, where its frames go, and what an earlier run left there."""

    job: ExtractionJob
    subject: Subject
    source: VideoSource
    naming: Naming
    earlier: manifest_store.Earlier


@contextmanager
def _recording(subject: Subject, state: StateStore, turn: Turn) -> Iterator[None]:
    """Whatever ends the job without success is recorded if it is final; else the claim is given up."""
    try:
        yield
    except ExtractorError as error:
        if turn.is_final(error):
            state.record_failure(subject, error.reason, str(error)[:_MAX_DETAIL])
        else:
            _release(subject, state)
        raise
    except BaseException:
        _release(subject, state)
        raise


def _release(subject: Subject, state: StateStore) -> None:
    with suppress(TransientError):  # the claim ends by itself
        state.release(subject)


def _is_done(subject: Subject, state: StateStore, turn: Turn) -> bool:
    lease_seconds = 1.25 * max(0.0, turn.deadline - time.monotonic()) + _LEASE_MARGIN_SECONDS
    with turn.watch.stage("state"):
        row = state.begin(subject, lease_seconds)
    if row is None:
        raise NotInStateError(f"the state has no row for the code {subject.code}")
    if not row.is_extracted and not row.is_fetched:
        raise NotFetchedError("the video is not marked as fetched yet")
    return row.is_extracted


def _is_intact(store: ObjectStore, naming: Naming) -> bool:
    """Whether a video that is done is still as its manifest says, as far as there is one. Asked where an
    earlier delivery has failed: it may have met another worker at this video."""
    manifest = manifest_store.read(store, naming).manifest
    return manifest is None or manifest_store.is_intact(manifest, listed(store, naming))


def _complete(case: _Case, place: Workplace, turn: Turn) -> Outcome:
    earlier = case.earlier
    known = listed(place.frames, case.naming) if earlier.etag or not turn.is_first else {}
    offered = earlier.manifest is not None and earlier.manifest.offers(place.tools.output)
    stands = offered and earlier.stands(case.source.video, case.job.policy, known)
    if earlier.manifest and stands:
        manifest = earlier.manifest
    else:
        shelf = Shelf(place.frames, case.naming, case.job.policy.image_format, known)
        manifest = _produce(case, shelf, place, turn)
    with turn.watch.stage("state"):
        place.state.mark_extracted(case.subject, manifest.extraction(case.naming.prefix))
    if not stands:
        manifest_store.delete_stale(place.frames, case.naming, earlier, manifest, known)
    return Outcome(case.job.code, "confirmed" if stands else "extracted", manifest)


def _produce(case: _Case, shelf: Shelf, place: Workplace, turn: Turn) -> Manifest:
    job, source = case.job, case.source
    with job_directory(place.work_dir) as directory:
        refuse_misfit(source.video, place.sources.sources.max_bytes, directory)
        path = directory / "source"
        with turn.watch.stage("download"):
            source.download(path, turn.deadline)
        turn.when_downloaded()
        interim = Interim(place.frames, case.naming, source.video, job.policy)
        stored = interim.read(shelf.known)
        task = Assignment(path, job.code, job.platform, source.video, job.policy, turn.deadline, stored)
        with interim.kept_for(shelf, stored) as progress:
            manifest = extract(task, shelf, place.tools, turn.watch, progress)
    with turn.watch.stage("manifest"):
        manifest_store.write(place.frames, case.naming, manifest, replaces=case.earlier.etag)
    interim.remove()
    return manifest
