"""From a tar and its manifest to the files that there would have been without a tar, each one verified."""

import hashlib
from collections.abc import Iterator

from msgspec import Struct

from extractor.backends.storage.base import ObjectStore
from extractor.domain.frames import StoredFrame
from extractor.domain.keys import MANIFEST_NAME
from extractor.domain.manifest import Archive, Manifest, parse_manifest
from extractor.errors import SourceChangedError, UnreadableError, VideoMissingError


class Package(Struct, frozen=True):
    """A tar and its manifest, which lie in one folder of the store. That is where they are looked for: their
    keys may be others than when they were made. If only one `name` is known, the other follows from it."""

    store: ObjectStore
    folder: str
    name: str

    def unpack(self, target: ObjectStore) -> int:
        """Write all frames to `target`, over what is there, named as they would be below their video's
        prefix; returns how many they are.

        Raises `VideoMissingError` if the tar or the manifest is not there, `UnreadableError` for a manifest
        that is none or speaks of no tar, `SourceChangedError` if the tar is not what the manifest states;
        what has been written until then is right.
        """
        manifest, archive = self._read_manifest()
        prefix, slash, tar_name = archive.key.rpartition("/")
        there = {entry.key: entry for entry in target.list("")}
        with self.store.open(self.folder + (self.name if self._names_the_tar else tar_name)) as stream:
            if stream.size_bytes != archive.size_bytes:
                raise SourceChangedError(
                    f"the tar has {stream.size_bytes} bytes, its manifest states {archive.size_bytes}"
                )
            for frame, data in _cut(stream.chunks(), manifest, archive):
                if hashlib.sha256(data).hexdigest() != frame.sha256:
                    raise SourceChangedError(f"{frame.key!r} in the tar is not what the manifest states")
                name = frame.key.removeprefix(prefix + slash)
                replaces = there[name].etag if name in there else None
                target.put(name, data, content_type="", sha256=frame.sha256, replaces=replaces)
        return len(manifest.frames)

    @property
    def _names_the_tar(self) -> bool:
        return self.name.endswith(".tar")

    def _read_manifest(self) -> tuple[Manifest, Archive]:
        key = self.folder + (MANIFEST_NAME if self._names_the_tar else self.name)
        found = self.store.read(key)
        if found is None:
            raise VideoMissingError(f"there is no {key!r}, which says what is in the tar")
        manifest = parse_manifest(found.data)
        if manifest is None:
            raise UnreadableError(f"{key!r} is no manifest of this version")
        if manifest.archive is None:
            raise UnreadableError(f"{key!r} speaks of no tar: its frames are files already")
        return manifest, manifest.archive


def _cut(
    chunks: Iterator[bytes], manifest: Manifest, archive: Archive
) -> Iterator[tuple[StoredFrame, bytes]]:
    """The frames in the order in which they lie in the tar, which is read once, a frame at a time."""
    position, buffer = 0, bytearray()
    places = sorted(zip(manifest.frames, archive.offsets, strict=True), key=lambda place: place[1])
    for frame, offset in places:
        end = offset + frame.size_bytes
        while position + len(buffer) < end and (chunk := next(chunks, b"")):
            buffer += chunk
            skipped = min(len(buffer), max(0, offset - position))
            del buffer[:skipped]
            position += skipped
        yield frame, bytes(buffer[offset - position : end - position])
