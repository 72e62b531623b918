"""Records of slices: each lists the frames that a slice of a video has stored; see `extractor.domain.slices`.

They are stored next to the frames, and deleted once the manifest of the video is written.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence

from msgspec import Struct

from extractor.backends.storage.base import ObjectStore, StoredObject
from extractor.domain.layout import FrameKeys
from extractor.domain.manifest import Manifest, parse_manifest
from extractor.domain.output_options import SLICE_STEM
from extractor.domain.slices import Split
from extractor.errors import TransientError
from extractor.output.manifest_store import frames_intact

logger = logging.getLogger(__name__)


class SliceRecords(Struct, frozen=True):
    """The records of the slices of one video.

    Attributes:
        store: The bucket of the frames.
        frame_keys: Keys of the video.
        split: The split.
    """

    store: ObjectStore
    frame_keys: FrameKeys
    split: Split

    def key(self, frames: range) -> str:
        """Return the key of the record of a slice."""
        return self.frame_keys.prefix + self.split.record_name(frames)

    def read(self, frames: range, known: Mapping[str, StoredObject]) -> Manifest | None:
        """Return the manifest of a slice, if all of its frames are `known` in the versions that it lists."""
        found = self.store.read(self.key(frames))
        manifest = parse_manifest(found.data) if found else None
        return manifest if manifest is not None and frames_intact(manifest, known) else None

    def write(self, frames: range, manifest: Manifest, known: Mapping[str, StoredObject]) -> None:
        """Write the record of a slice, whose frames are stored.

        Args:
            frames: The numbers of the frames.
            manifest: The manifest of the slice.
            known: The objects that existed before, by key.

        Raises:
            ConflictError: Another worker has written it since.
        """
        data, key = manifest.to_json(), self.key(frames)
        replaces = known[key].etag if key in known else None
        digest = hashlib.sha256(data).hexdigest()
        self.store.put(key, data, content_type="application/json", sha256=digest, replaces=replaces)

    def cover(self) -> Sequence[range] | None:
        """Return recorded slices that have each frame once; ``None`` if frames are in none."""
        prefix = self.frame_keys.prefix
        found = self.store.list(prefix + self.split.prefix, deep=not self.frame_keys.is_flat)
        return self.split.cover(self.split.slices(entry.key.removeprefix(prefix) for entry in found))

    def discard(self, frames: range, known: Mapping[str, StoredObject]) -> None:
        """Delete the record of a slice, in its `known` version."""
        key = self.key(frames)
        if key in known:
            self.store.delete([key], versions={key: known[key].etag})


def delete_records(store: ObjectStore, frame_keys: FrameKeys, known: Mapping[str, StoredObject]) -> None:
    """Delete the `known` records of all splits of a video, whose manifest is written (best effort)."""
    start = frame_keys.prefix + SLICE_STEM
    versions = {key: entry.etag for key, entry in known.items() if key.startswith(start)}
    if not versions:
        return
    try:
        store.delete(list(versions), versions=versions)
    except TransientError as error:
        logger.warning("%d records of slices are left over: %s", len(versions), error)
