"""What a scan stores about the folder and the source of a video."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from extractor.backends.storage.base import ObjectStore, StoredObject
from extractor.domain import keys
from extractor.domain.layout import Layout
from extractor.domain.manifest import Manifest, parse_manifest
from extractor.domain.output_options import AudioForm, OutputForm
from extractor.reconcile.key_ranges import FolderObjects

ManifestState = Literal["absent", "unreadable", "elsewhere", "in place"]


class FolderState(Struct, frozen=True):
    """A folder of frames.

    Attributes:
        prefix: The prefix of its keys.
        code: The code of the video; ``None`` if neither the manifest nor the key has it.
        platform: The platform, if known.
        object_count: The number of objects.
        size_bytes: Their total size.
        newest: When the newest object was written, in seconds since 1970.
        manifest: ``elsewhere``: the layout defines another place for this manifest, and its frames are not
            checked.
        missing: The number of objects in the manifest that do not exist.
        wrong_size: The number of objects in the manifest that have another size.
        fingerprint: From here on, values of the manifest.
        output: The form of the frames.
        has_storyboard: Whether there is a storyboard.
        audio: In which form the audio track was asked for.
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
    has_storyboard: bool = False
    audio: AudioForm | None = None
    source_bucket: str | None = None
    source_key: str | None = None
    source_etag: str | None = None
    source_bytes: int = 0
    frame_count: int = 0
    video_seconds: float = 0.0
    work_seconds: float = 0.0


class VideoObject(Struct, frozen=True):
    """An object in a bucket of videos.

    Attributes:
        code: The code in its key; ``None`` if the key matches no template.
        platform: The platform in its key, if any.
        modified: When it was written, in seconds since 1970.
    """

    bucket: str
    key: str
    etag: str
    size_bytes: int
    modified: float
    code: str | None
    platform: str | None


class FolderObservation(Struct, frozen=True):
    """A folder and the current ETag of the video that its manifest names; ``None`` if the video is gone."""

    folder: FolderState
    etag_now: str | None


def inspect_folder(folder: FolderObjects, store: ObjectStore, layout: Layout) -> FolderState:
    """Read the manifest of a folder and compare it with the listed objects."""
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
    """Return the key of the manifest in a folder."""
    return prefix + keys.MANIFEST_NAME


def written_at(entry: StoredObject) -> float:
    """Return seconds since 1970. An object without a time counts as new, so that it is left alone."""
    return (entry.modified or datetime.now(UTC)).timestamp()


def lies_in_place(manifest: Manifest, prefix: str, layout: Layout) -> bool:
    """Return whether the layout defines this place for the manifest."""
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
        has_storyboard=manifest.has_storyboard,
        audio=manifest.audio,
        source_bucket=manifest.source.bucket,
        source_key=manifest.source.key,
        source_etag=manifest.source.etag,
        source_bytes=manifest.source.size_bytes,
        frame_count=len(manifest.frames),
        video_seconds=manifest.video.duration_seconds,
        work_seconds=sum(manifest.timings.values()),
    )
