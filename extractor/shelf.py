"""Where the frames of one video are put, and what lies there already.

A frame replaces only what was known to lie in its place: a worker that was paused for long cannot write
over the frames of another. What lies there with the same content is not sent again.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from extractor.layout import Naming
from extractor.models import Frame, ImageFormat, StoredFrame
from extractor.ports import ObjectStore, StoredObject

_CONTENT_TYPES: dict[ImageFormat, str] = {"jpg": "image/jpeg", "webp": "image/webp", "png": "image/png"}


@dataclass(frozen=True, slots=True)
class Shelf:
    """`known`: the objects under the video's prefix, by key; nothing else is taken to be there.

    Safe to use from several threads, each with frames of its own.
    """

    store: ObjectStore
    naming: Naming
    image_format: ImageFormat
    known: dict[str, StoredObject] = field(default_factory=dict)

    def put(self, frame: Frame) -> StoredFrame:
        """Store the frame under its name. Raises `ConflictError` if another worker was there."""
        key = self.naming.frame_key(frame.index, frame.slot, frame.pts_seconds)
        stored = _stored(frame, key)
        there = self.known.get(key)
        if there is None or not _same_content(there, frame.data):
            etag = self.store.put(
                key,
                frame.data,
                content_type=_CONTENT_TYPES[self.image_format],
                sha256=stored.sha256,
                replaces=there.etag if there else None,
            )
            self.known[key] = StoredObject(key, stored.size_bytes, etag)
        return stored


def listed(store: ObjectStore, prefix: str) -> dict[str, StoredObject]:
    """What lies below `prefix`, by key."""
    return {entry.key: entry for entry in store.list(prefix)}


def sizes(known: Mapping[str, StoredObject]) -> dict[str, int]:
    """Key to size in bytes."""
    return {key: entry.size_bytes for key, entry in known.items()}


def _same_content(there: StoredObject, data: bytes) -> bool:
    """S3's ETag of an object that was put at once, and not under a key of KMS, is the MD5 of its content.
    Any other ETag equals none, and the frame is then sent again."""
    return (
        there.size_bytes == len(data) and there.etag == hashlib.md5(data, usedforsecurity=False).hexdigest()
    )


def _stored(frame: Frame, key: str) -> StoredFrame:
    return StoredFrame(
        index=frame.index,
        slot=frame.slot,
        key=key,
        pts_seconds=frame.pts_seconds,
        size_bytes=len(frame.data),
        sha256=hashlib.sha256(frame.data).hexdigest(),
        width=frame.width,
        height=frame.height,
        measures=frame.measures,
    )
