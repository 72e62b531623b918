"""Read, judge, commit and clean up after a video's manifest.

A manifest is written only over the version that its writer has read, so a worker that was paused cannot
replace a newer one.
"""

import hashlib
import logging
from collections.abc import Mapping

from msgspec import Struct

from extractor.backends.storage.base import ObjectStore, StoredObject
from extractor.domain.frames import StoredFrame
from extractor.domain.jobs import SourceVideo
from extractor.domain.layout import FrameKeys
from extractor.domain.manifest import Manifest, StoredFile, parse_manifest
from extractor.domain.output_options import OutputOptions
from extractor.domain.policy import SamplingPolicy
from extractor.errors import ConflictError, TransientError

logger = logging.getLogger(__name__)


class StoredManifest(Struct, frozen=True):
    """The manifest object of an earlier run.

    Attributes:
        etag: Its version; ``None`` if there is no such object.
        manifest: Its content; ``None`` if there is none or it is unreadable.
    """

    etag: str | None = None
    manifest: Manifest | None = None

    def is_current(
        self,
        video: SourceVideo,
        policy: SamplingPolicy,
        output: OutputOptions,
        known: Mapping[str, StoredObject],
    ) -> bool:
        """Return whether the frames need not be extracted again.

        The manifest is for this version of the source, this policy and this output, and all its objects are
        among the `known` ones.
        """
        return (
            self.manifest is not None
            and self.manifest.has_output(output)
            and self.manifest.matches(video, policy)
            and frames_intact(self.manifest, known)
        )


def frames_intact(manifest: Manifest, known: Mapping[str, StoredObject]) -> bool:
    """Return whether all objects of the manifest are `known`, in exactly the versions that it lists."""
    return all(item.key in known and is_version(item, known[item.key]) for item in manifest.objects)


def read_manifest(store: ObjectStore, frame_keys: FrameKeys) -> StoredManifest:
    """Read the manifest of a video."""
    found = store.read(frame_keys.manifest_key)
    return StoredManifest(found.etag, parse_manifest(found.data)) if found else StoredManifest()


def commit_manifest(
    store: ObjectStore, frame_keys: FrameKeys, manifest: Manifest, replaces: str | None
) -> None:
    """Write the manifest: the commit of the frames.

    Args:
        store: The bucket of the frames.
        frame_keys: Keys of the video.
        manifest: The new manifest.
        replaces: ETag of the manifest that was read; ``None`` if there was none.

    Raises:
        ConflictError: Another worker has written a manifest since.
    """
    data = manifest.to_json()
    digest = hashlib.sha256(data).hexdigest()
    store.put(
        frame_keys.manifest_key, data, content_type="application/json", sha256=digest, replaces=replaces
    )


def delete_superseded_frames(
    store: ObjectStore,
    frame_keys: FrameKeys,
    earlier: StoredManifest,
    current: Manifest,
    known: Mapping[str, StoredObject],
) -> None:
    """Delete the objects that only the earlier manifest lists, in their `known` versions.

    Nothing is deleted if another worker has replaced `current`. Superseded objects do no harm, so transient
    errors are only logged.

    Raises:
        ConflictError: The manifest was replaced during the deletion. Frames of the other worker may have been
            deleted, if the store ignores conditions or if both have stored the same bytes.
    """
    superseded = sorted(earlier.manifest.keys - current.keys) if earlier.manifest else []
    versions = {key: known[key].etag for key in superseded if key in known}
    if not versions:
        return
    try:
        if read_manifest(store, frame_keys).manifest != current:
            return
        store.delete(list(versions), versions=versions)
    except TransientError as error:
        logger.warning("%d frames of an earlier run are left over: %s", len(versions), error)
        return
    if read_manifest(store, frame_keys).manifest != current:
        raise ConflictError("the manifest was replaced while frames of an earlier run were deleted")


def is_version(record: StoredFrame | StoredFile, stored: StoredObject) -> bool:
    """Return whether `stored` is the object of the record. Without an ETag, the size decides alone."""
    return stored.size_bytes == record.size_bytes and record.etag in (None, stored.etag)
