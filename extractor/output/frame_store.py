"""Where the frames of one video are put, and what lies there already.

A frame replaces only what was known to lie in its place: a worker that was paused for long cannot write
over the frames of another. What lies there with the same content is not sent again.
"""

import hashlib
from collections.abc import Iterable

from msgspec import Struct, field
from msgspec.structs import replace

from extractor.backends.storage.base import ObjectStore, StoredObject
from extractor.domain.frames import Frame, StoredFrame
from extractor.domain.layout import FrameKeys
from extractor.domain.manifest import StoredFile
from extractor.domain.policy import ImageFormat

_CONTENT_TYPES: dict[ImageFormat, str] = {"jpg": "image/jpeg", "webp": "image/webp", "png": "image/png"}


class FrameStore(Struct, frozen=True):
    """`known`: the objects under the video's prefix, by key; nothing else is taken to be there. `stored`: the
    frames that have been put, in any order.

    Safe to use from several threads, each with frames of its own.
    """

    store: ObjectStore
    frame_keys: FrameKeys
    image_format: ImageFormat
    known: dict[str, StoredObject] = field(default_factory=dict)
    stored: list[StoredFrame] = field(default_factory=list)

    def put(self, frame: Frame) -> StoredFrame:
        """Store the frame under its name. Raises `ConflictError` if another worker was there."""
        stored = self.describe(frame)
        self._put(stored, frame.data, _CONTENT_TYPES[self.image_format])
        stored = replace(stored, etag=self.known[stored.key].etag)
        self.stored.append(stored)
        return stored

    def put_file(self, name: str, data: bytes, content_type: str) -> StoredFile:
        """Store something else beside the frames; `name` has no digit, so no frame is called so. Raises
        `ConflictError`."""
        file = StoredFile(self.frame_keys.prefix + name, len(data), hashlib.sha256(data).hexdigest())
        self._put(file, data, content_type)
        return replace(file, etag=self.known[file.key].etag)

    def put_parts(self, name: str, parts: Iterable[bytes], content_type: str) -> tuple[str, str]:
        """Store something large, as `ObjectStore.put_parts` does, under a name as for `put_file`; returns its
        key and its ETag. Raises `ConflictError`."""
        key = self.frame_keys.prefix + name
        there = self.known.get(key)
        replaces = there.etag if there else None
        return key, self.store.put_parts(key, parts, content_type=content_type, replaces=replaces)

    def describe(self, frame: Frame) -> StoredFrame:
        """The frame as the manifest will list it."""
        return StoredFrame(
            index=frame.index,
            slot=frame.slot,
            key=self.frame_keys.frame_key(frame.index, frame.slot, frame.pts_seconds),
            pts_seconds=frame.pts_seconds,
            size_bytes=len(frame.data),
            sha256=hashlib.sha256(frame.data).hexdigest(),
            width=frame.width,
            height=frame.height,
            measures=frame.measures,
        )

    def _put(self, file: StoredFrame | StoredFile, data: bytes, content_type: str) -> None:
        there = self.known.get(file.key)
        if there is None or not _same_content(there, data):
            replaces = there.etag if there else None
            etag = self.store.put(
                file.key, data, content_type=content_type, sha256=file.sha256, replaces=replaces
            )
            self.known[file.key] = StoredObject(file.key, file.size_bytes, etag)


def list_by_key(store: ObjectStore, frame_keys: FrameKeys) -> dict[str, StoredObject]:
    """What lies in the folder of a video, by key."""
    return {entry.key: entry for entry in store.list(frame_keys.prefix, deep=not frame_keys.is_flat)}


def _same_content(there: StoredObject, data: bytes) -> bool:
    """S3's ETag of an object that was put at once, and not under a key of KMS, is the MD5 of its content.
    Any other ETag equals none, and the frame is then sent again."""
    return (
        there.size_bytes == len(data) and there.etag == hashlib.md5(data, usedforsecurity=False).hexdigest()
    )
