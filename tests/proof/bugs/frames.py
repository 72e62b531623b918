"""Frames and manifests that are not what they should be, or not where, or not yet."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

import extractor.output.writers
import extractor.pipeline.download
import extractor.pipeline.job
import extractor.pipeline.workdir
import tests.proof.patching
from extractor.backends.storage.base import ObjectStore
from extractor.domain.frames import Frame, StoredFrame
from extractor.domain.jobs import ExtractionSummary, VideoRef
from extractor.domain.layout import FrameKeys
from extractor.domain.manifest import Manifest
from extractor.errors import TransientError
from extractor.output import manifest_store
from extractor.output.frame_store import FrameStore
from extractor.output.writers import StoredOutput
from tests.proof.bugs import Patch
from tests.proof.memory import MemoryObjectStore

_ANY = ExtractionSummary(1, "any/", None, 1.0, 1, 1.0)


def _mark_extracted(source: Any, _earlier: Any, _frame_store: Any, context: Any, job_context: Any) -> None:
    subject = VideoRef(job_context.job.code, source.video if context.keyed_by_version else None)
    context.state.mark_extracted(subject, _ANY)


def flip_before_manifest(patch: Patch) -> None:
    produce, write = extractor.pipeline.job._extract_frames, manifest_store.commit_manifest
    here = threading.local()

    def remember(*arguments: Any) -> Manifest:
        here.arguments = arguments
        return produce(*arguments)

    def flip_and_write(*arguments: Any, **named: Any) -> None:
        _mark_extracted(*here.arguments)
        write(*arguments, **named)

    patch(extractor.pipeline.job, "_extract_frames", remember)
    patch(manifest_store, "commit_manifest", flip_and_write)


def flip_before_frames(patch: Patch) -> None:
    produce = extractor.pipeline.job._extract_frames

    def flip_first(*arguments: Any) -> Manifest:
        _mark_extracted(*arguments)
        return produce(*arguments)

    patch(extractor.pipeline.job, "_extract_frames", flip_first)


def upload_error_swallowed(patch: Patch) -> None:
    put = FrameStore.put

    def put_or_not(frame_store: FrameStore, frame: Frame) -> StoredFrame:
        try:
            return put(frame_store, frame)
        except TransientError:
            return put(replace(frame_store, store=MemoryObjectStore(), known={}), frame)

    patch(FrameStore, "put", put_or_not)


def frames_numbered_as_they_arrive(patch: Patch) -> None:
    write = extractor.output.writers.write_files

    def renumbered(frames: Iterable[Frame], frame_store: FrameStore, **options: Any) -> StoredOutput:
        arrived = sorted(write(frames, frame_store, **options).frames, key=lambda frame: frame.sha256)
        return StoredOutput(tuple(replace(frame, index=number) for number, frame in enumerate(arrived)))

    patch(extractor.output.writers, "write_files", renumbered)
    patch(tests.proof.patching, "write_files", renumbered)


def earlier_frames_deleted_first(patch: Patch) -> None:
    produce = extractor.pipeline.job._extract_frames

    def clean_slate(
        source: Any,
        earlier: manifest_store.StoredManifest,
        frame_store: FrameStore,
        context: Any,
        job_context: Any,
    ) -> Manifest:
        if earlier.manifest:
            context.frames.delete(sorted(earlier.manifest.keys))
        return produce(source, earlier, frame_store, context, job_context)

    patch(extractor.pipeline.job, "_extract_frames", clean_slate)


def current_frames_deleted_as_stale(patch: Patch) -> None:
    def delete(
        store: ObjectStore,
        frame_keys: FrameKeys,
        earlier: manifest_store.StoredManifest,
        current: Manifest,
        known: object,
    ) -> None:
        if earlier.manifest:
            store.delete(sorted(earlier.manifest.keys))

    patch(manifest_store, "delete_superseded_frames", delete)


def manifest_believed_unchecked(patch: Patch) -> None:
    patch(manifest_store, "frames_intact", lambda manifest, known: True)


def manifest_of_any_policy_believed(patch: Patch) -> None:
    patch(Manifest, "matches", lambda manifest, source, policy: True)


def manifest_written_unconditionally(patch: Patch) -> None:
    write = manifest_store.commit_manifest

    def overwrite(
        store: ObjectStore, frame_keys: FrameKeys, manifest: Manifest, replaces: str | None
    ) -> None:
        (there,) = [*(entry.etag for entry in store.list(frame_keys.manifest_key)), None][:1]
        write(store, frame_keys, manifest, replaces=there)

    patch(manifest_store, "commit_manifest", overwrite)


def manifest_read_again_before_writing(patch: Patch) -> None:
    write = manifest_store.commit_manifest

    def write_over(
        store: ObjectStore, frame_keys: FrameKeys, manifest: Manifest, replaces: str | None
    ) -> None:
        write(store, frame_keys, manifest, replaces=manifest_store.read_manifest(store, frame_keys).etag)

    patch(manifest_store, "commit_manifest", write_over)


def leftovers_not_listed(patch: Patch) -> None:
    patch(extractor.pipeline.job, "list_by_key", lambda store, prefix: {})


def leftovers_not_swept(patch: Patch) -> None:
    patch(extractor.pipeline.workdir, "_sweep", lambda root, prefix: None)


def work_directory_kept(patch: Patch) -> None:
    @contextmanager
    def kept(root: Path) -> Iterator[Path]:
        root.mkdir(parents=True, exist_ok=True)
        path = root / f"job-{threading.get_ident()}-{len(list(root.iterdir()))}"
        path.mkdir()
        yield path

    patch(extractor.pipeline.download, "job_directory", kept)
