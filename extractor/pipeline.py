"""The use case of the worker: one job in, its video's frames stored, its manifest written, its row flipped.

The order of the effects is the guarantee: frames, then the manifest that vouches for them, then the
state, and only then is anything deleted. Whatever happens in between, the same job run again ends well.
"""

import hashlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from extractor import keys
from extractor.errors import NotFetchedError, NotInStateError, TransientError
from extractor.extraction import Assignment, Toolbox, extract
from extractor.manifest import Manifest, parse_manifest
from extractor.models import ExtractionJob, SourceVideo
from extractor.ports import ObjectStore, StateStore
from extractor.prefetch import Prefetcher
from extractor.source import VideoSource, refuse_misfit
from extractor.timing import Stopwatch
from extractor.workdir import job_directory

logger = logging.getLogger(__name__)

Status = Literal["extracted", "confirmed", "skipped"]


@dataclass(frozen=True, slots=True)
class Workplace:
    """Everything that a worker works with, the same for all jobs."""

    state: StateStore
    sources: Prefetcher
    frames: ObjectStore
    tools: Toolbox
    work_dir: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job: ``extracted``; ``confirmed`` (its frames were complete, only the state did
    not say so); ``skipped`` (it was done already, and `manifest` was not looked at)."""

    code: str
    status: Status
    manifest: Manifest | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What surrounds one job: until when it must end (a `time.monotonic()` value), who watches its
    stages, and who is told that the network is free for the next video."""

    deadline: float
    watch: Stopwatch
    when_downloaded: Callable[[], None] = lambda: None


def extract_video(job: ExtractionJob, place: Workplace, turn: Turn) -> Outcome:
    """Do the job. Raises the `ExtractorError` that prevented it."""
    if _is_done(job, place.state, turn.watch):
        return Outcome(job.code, "skipped")
    prefix = keys.frames_prefix(job.code, job.platform)
    with ThreadPoolExecutor(1) as pool:  # on short videos each round trip counts: two at once
        reading = pool.submit(_read_manifest, place.frames, prefix)
        with place.sources.open(job) as source:
            earlier = reading.result()
            stands = earlier is not None and _stands(earlier, source.video, job, place.frames, prefix)
            manifest = earlier if earlier and stands else _produce(job, source, prefix, place, turn)
    with turn.watch.stage("state"):
        place.state.mark_extracted(job.code, len(manifest.frames))
    if earlier:
        _delete_stale(place.frames, earlier, manifest)
    return Outcome(job.code, "confirmed" if stands else "extracted", manifest)


def write_manifest(store: ObjectStore, prefix: str, manifest: Manifest) -> None:
    """The commit: from here on the frames count."""
    data = manifest.to_json()
    digest = hashlib.sha256(data).hexdigest()
    store.put(keys.manifest_key(prefix), data, content_type="application/json", sha256=digest)


def _is_done(job: ExtractionJob, state: StateStore, watch: Stopwatch) -> bool:
    with watch.stage("state"):
        row = state.get(job.code)
    if row is None:
        raise NotInStateError(f"the state has no row for the code {job.code}")
    if not row.is_extracted and not row.is_fetched:
        raise NotFetchedError("the video is not marked as fetched yet")
    return row.is_extracted


def _read_manifest(store: ObjectStore, prefix: str) -> Manifest | None:
    data = store.read(keys.manifest_key(prefix))
    return parse_manifest(data) if data is not None else None


def _stands(
    manifest: Manifest, video: SourceVideo, job: ExtractionJob, store: ObjectStore, prefix: str
) -> bool:
    """Whether it is for this version of the source and this policy, and all its frames are there."""
    if not manifest.answers(video, job.policy):
        return False
    stored = {entry.key: entry.size_bytes for entry in store.list(prefix)}
    return not manifest.missing_from(stored)


def _produce(job: ExtractionJob, source: VideoSource, prefix: str, place: Workplace, turn: Turn) -> Manifest:
    with job_directory(place.work_dir) as directory:
        refuse_misfit(source.video, place.sources.sources.max_bytes, directory)
        path = directory / "source"
        with turn.watch.stage("download"):
            source.download(path, turn.deadline)
        turn.when_downloaded()
        task = Assignment(path, job.code, job.platform, source.video, job.policy, prefix, turn.deadline)
        manifest = extract(task, place.frames, place.tools, turn.watch)
    with turn.watch.stage("manifest"):
        write_manifest(place.frames, prefix, manifest)
    return manifest


def _delete_stale(store: ObjectStore, earlier: Manifest, current: Manifest) -> None:
    """Frames that only the earlier manifest lists. They harm nobody, so failing here fails nothing."""
    stale = sorted(earlier.keys - current.keys)
    try:
        store.delete(stale)
    except TransientError as error:
        logger.warning("%d frames of an earlier run are left over: %s", len(stale), error)
