"""What is remembered of a video's folder and of its source once they were looked at: enough to judge it, and
no more."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from extractor.backends.storage.base import ObjectStore, StoredObject
from extractor.domain import keys
from extractor.domain.layout import Layout
from extractor.domain.manifest import Manifest, parse_manifest
from extractor.domain.output_options import OutputForm
from extractor.reconcile.key_ranges import FolderObjects

ManifestState = Literal["absent", "unreadable", "elsewhere", "in place"]


class FolderState(Struct, frozen=True):
    """A folder of frames. `code` is ``None`` if neither the manifest nor the key tells it.

    `newest` is when anything in it was written last (seconds since 1970). A manifest ``elsewhere`` is one
    that the layout would not put there; its frames are not looked at. `missing` and `wrong_size` count
    objects that the manifest lists. From `fingerprint` on, all is of the manifest; `output` is the form of
    the frames, `extra_count` the number of objects that come with them.
    """

    prefix: str
    code: str | None
    platform: str | None
    object_count: int
    size_bytes: int
    newest: float
    manifest: ManifestState = "absent"
    missing: int = 0
    wrong_size: int = 0
    fingerprint: str | None = None
    output: OutputForm = "frames"
    extra_count: int = 0
    source_bucket: str | None = None
    source_key: str | None = None
    source_etag: str | None = None
    source_bytes: int = 0
    frame_count: int = 0
    video_seconds: float = 0.0
    work_seconds: float = 0.0


class VideoObject(Struct, frozen=True):
    """An object in a bucket of videos. `code` is ``None`` if its key fits no template; `modified` is in
    seconds since 1970."""

    bucket: str
    key: str
    etag: str
    size_bytes: int
    modified: float
    code: str | None
    platform: str | None


class FolderObservation(Struct, frozen=True):
    """A folder, and the video that its manifest names as it is now: `etag_now` is ``None`` if it is gone."""

    folder: FolderState
    etag_now: str | None


def inspect_folder(folder: FolderObjects, store: ObjectStore, layout: Layout) -> FolderState:
    """The facts of the folder; its manifest is read."""
    place, objects = folder.place, folder.objects
    facts = FolderState(
        prefix=place.prefix,
        code=place.code,
        platform=place.platform,
        object_count=len(objects),
        size_bytes=sum(entry.size_bytes for entry in objects.values()),
        newest=max(map(written_at, objects.values()), default=0.0),
    )
    found = store.read(manifest_key(place.prefix)) if manifest_key(place.prefix) in objects else None
    if found is None:
        return facts
    manifest = parse_manifest(found.data)
    return (
        _with_manifest(facts, manifest, objects, layout)
        if manifest
        else replace(facts, manifest="unreadable")
    )


def manifest_key(prefix: str) -> str:
    return prefix + keys.MANIFEST_NAME


def written_at(entry: StoredObject) -> float:
    """Seconds since 1970. An object whose time nobody knows counts as new: new ones are left alone."""
    return (entry.modified or datetime.now(UTC)).timestamp()


def lies_in_place(manifest: Manifest, prefix: str, layout: Layout) -> bool:
    """Whether the layout puts this manifest there."""
    frame_keys = layout.frame_keys(
        code=manifest.code,
        platform=manifest.platform,
        video_id=keys.content_id(manifest.source),
        interval_seconds=manifest.policy.interval_seconds,
        extension=manifest.policy.image_format,
    )
    return frame_keys.prefix == prefix


def _with_manifest(
    facts: FolderState, manifest: Manifest, objects: Mapping[str, StoredObject], layout: Layout
) -> FolderState:
    in_place = lies_in_place(manifest, facts.prefix, layout)
    sizes = {key: entry.size_bytes for key, entry in objects.items()}
    wrong = manifest.missing_or_resized(sizes) if in_place else frozenset()
    return replace(
        facts,
        code=manifest.code,
        platform=manifest.platform,
        manifest="in place" if in_place else "elsewhere",
        missing=len(wrong - sizes.keys()),
        wrong_size=len(wrong & sizes.keys()),
        fingerprint=manifest.policy_fingerprint,
        output=manifest.output_form,
        extra_count=len(manifest.extras),
        source_bucket=manifest.source.bucket,
        source_key=manifest.source.key,
        source_etag=manifest.source.etag,
        source_bytes=manifest.source.size_bytes,
        frame_count=len(manifest.frames),
        video_seconds=manifest.video.duration_seconds,
        work_seconds=sum(manifest.timings.values()),
    )
