"""The commit record beside the frames: read, judged, written in place of the one that was read.

A manifest is only ever written over the version that its writer has seen, so a worker that was paused
for long cannot put an outdated one over a newer.
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
from extractor.domain.policy import SamplingPolicy
from extractor.errors import ConflictError, TransientError

logger = logging.getLogger(__name__)


class StoredManifest(Struct, frozen=True):
    """What an earlier run left as its manifest: `etag` is `None` if there is nothing, `manifest` also if
    what is there cannot be read."""

    etag: str | None = None
    manifest: Manifest | None = None

    def is_current(
        self, video: SourceVideo, policy: SamplingPolicy, known: Mapping[str, StoredObject]
    ) -> bool:
        """Whether it is for this version of the source and this policy, and all its frames are there."""
        return (
            self.manifest is not None
            and self.manifest.matches(video, policy)
            and frames_intact(self.manifest, known)
        )


def frames_intact(manifest: Manifest, known: Mapping[str, StoredObject]) -> bool:
    """Whether all that the manifest lists is among what is `known` to lie there, in the very version that
    its writer has seen stored: another of the same size would be somebody else's."""
    return all(item.key in known and is_version(item, known[item.key]) for item in manifest.objects)


def read_manifest(store: ObjectStore, frame_keys: FrameKeys) -> StoredManifest:
    """The manifest as it is now."""
    found = store.read(frame_keys.manifest_key)
    return StoredManifest(found.etag, parse_manifest(found.data)) if found else StoredManifest()


def commit_manifest(
    store: ObjectStore, frame_keys: FrameKeys, manifest: Manifest, replaces: str | None
) -> None:
    """The commit: from here on the frames count. Raises `ConflictError` if another worker was faster."""
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
    """Delete the frames that only the earlier manifest lists, in the versions that are `known`, unless
    another has replaced `current` meanwhile. They harm nobody, so failing here fails nothing.

    Raises `ConflictError` if the manifest was replaced at that very moment: frames of the other may be gone,
    where the store does not know the condition, or the other has stored the same bytes.
    """
    left_over = sorted(earlier.manifest.keys - current.keys) if earlier.manifest else []
    stale = {key: known[key].etag for key in left_over if key in known}
    if not stale:
        return
    try:
        if read_manifest(store, frame_keys).manifest != current:
            return
        store.delete(list(stale), versions=stale)
    except TransientError as error:
        logger.warning("%d frames of an earlier run are left over: %s", len(stale), error)
        return
    if read_manifest(store, frame_keys).manifest != current:
        raise ConflictError("the manifest was replaced while frames of an earlier run were deleted")


def is_version(record: StoredFrame | StoredFile, there: StoredObject) -> bool:
    """Whether `there` is the object as it was stored. A record without an ETag goes by the size alone."""
    return there.size_bytes == record.size_bytes and record.etag in (None, there.etag)
