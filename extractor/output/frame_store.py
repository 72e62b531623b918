"""Conditional writes of a video's frames and side files."""

import hashlib
from collections.abc import Iterable
from typing import overload

from msgspec import Struct, field
from msgspec.structs import replace

from extractor.backends.storage.base import ObjectStore, StoredObject
from extractor.domain.frames import Frame, StoredFrame
from extractor.domain.layout import FrameKeys
from extractor.domain.manifest import StoredFile
from extractor.domain.policy import CONTENT_TYPES, ImageFormat


class SideFile(Struct, frozen=True):
    """A file to be stored beside the frames.

    Attributes:
        name: File name without digits, so that no frame has the same name.
        data: Content.
        content_type: MIME type.
    """

    name: str
    data: bytes
    content_type: str


class FrameStore(Struct, frozen=True):
    """The folder of one video in the object store. Thread-safe for different files.

    An object is replaced only in the version that is known, so a worker that was paused cannot overwrite
    the frames of another. Objects that already have the same content are not sent again.

    Attributes:
        store: The bucket.
        frame_keys: Keys of the video's frames.
        image_format: Format of the frames.
        known: Existing objects under the video's prefix, by key. Writes are conditional on this view.
        stored: Frames that have been stored, in any order.
    """

    store: ObjectStore
    frame_keys: FrameKeys
    image_format: ImageFormat
    known: dict[str, StoredObject] = field(default_factory=dict)
    stored: list[StoredFrame] = field(default_factory=list)

    @overload
    def put(self, item: Frame) -> StoredFrame: ...

    @overload
    def put(self, item: SideFile) -> StoredFile: ...

    def put(self, item: Frame | SideFile) -> StoredFrame | StoredFile:
        """Store a frame or a side file.

        Returns:
            The stored item with its ETag.

        Raises:
            ConflictError: Another worker has written the object.
        """
        described = self.describe(item)
        known = self.known.get(described.key)
        if known is None or not _has_content(known, item.data):
            etag = self.store.put(
                described.key,
                item.data,
                content_type=_content_type(item, self.image_format),
                sha256=described.sha256,
                replaces=known.etag if known else None,
            )
            known = self.known[described.key] = StoredObject(described.key, described.size_bytes, etag)
        if isinstance(described, StoredFile):
            return replace(described, etag=known.etag)
        frame = replace(described, etag=known.etag)
        self.stored.append(frame)
        return frame

    def put_parts(self, name: str, parts: Iterable[bytes], content_type: str) -> tuple[str, str]:
        """Store a large file from its parts; see `ObjectStore.put_parts`.

        Args:
            name: As of a `SideFile`.
            parts: The content.
            content_type: MIME type.

        Returns:
            Key and ETag.

        Raises:
            ConflictError: Another worker has written the object.
        """
        key = self.frame_keys.prefix + name
        known = self.known.get(key)
        replaces = known.etag if known else None
        return key, self.store.put_parts(key, parts, content_type=content_type, replaces=replaces)

    @overload
    def describe(self, item: Frame) -> StoredFrame: ...

    @overload
    def describe(self, item: SideFile) -> StoredFile: ...

    def describe(self, item: Frame | SideFile) -> StoredFrame | StoredFile:
        """Return the item as the manifest lists it, without an ETag."""
        sha256 = hashlib.sha256(item.data).hexdigest()
        if isinstance(item, SideFile):
            return StoredFile(self.frame_keys.prefix + item.name, len(item.data), sha256)
        return StoredFrame(
            index=item.index,
            slot=item.slot,
            key=self.frame_keys.frame_key(item.index, item.slot, item.pts_seconds),
            pts_seconds=item.pts_seconds,
            size_bytes=len(item.data),
            sha256=sha256,
            width=item.width,
            height=item.height,
            measures=item.measures,
        )


def list_by_key(store: ObjectStore, frame_keys: FrameKeys) -> dict[str, StoredObject]:
    """Return the objects in the folder of a video, by key."""
    return {entry.key: entry for entry in store.list(frame_keys.prefix, deep=not frame_keys.is_flat)}


def _content_type(item: Frame | SideFile, image_format: ImageFormat) -> str:
    return item.content_type if isinstance(item, SideFile) else CONTENT_TYPES[image_format]


def _has_content(known: StoredObject, data: bytes) -> bool:
    """Return whether the object certainly has this content.

    The ETag of an object that was uploaded in one request, without SSE-KMS, is the MD5 of its content. Any
    other ETag matches nothing, and the object is sent again.
    """
    return (
        known.size_bytes == len(data) and known.etag == hashlib.md5(data, usedforsecurity=False).hexdigest()
    )
