"""Unpack an archive of frames into the files of the output form ``frames``; each one is verified."""

import hashlib
from collections.abc import Iterator

from msgspec import Struct

from extractor.backends.storage.base import ObjectStore
from extractor.domain.frames import StoredFrame
from extractor.domain.keys import MANIFEST_NAME
from extractor.domain.manifest import Archive, Manifest, parse_manifest
from extractor.domain.output_options import archive_form
from extractor.errors import SourceChangedError, UnreadableError, VideoMissingError


class Package(Struct, frozen=True):
    """An archive and its manifest, in one folder of the store.

    They may have been moved since they were written: their keys in the manifest do not count.

    Attributes:
        store: Where they are.
        folder: Prefix of both, with its closing slash.
        name: File name of either of them; the other one follows from it.
    """

    store: ObjectStore
    folder: str
    name: str

    def unpack(self, target: ObjectStore) -> int:
        """Write all frames to `target`, named as below their video's prefix, replacing existing files.

        Returns:
            The number of frames.

        Raises:
            VideoMissingError: The archive or the manifest does not exist.
            UnreadableError: The manifest is invalid, or lists no archive.
            SourceChangedError: The archive does not match the manifest. Files written until then are right.
        """
        manifest, archive = self._read_manifest()
        prefix, slash, archive_file = archive.key.rpartition("/")
        existing = {entry.key: entry for entry in target.list("")}
        with self.store.open(self.folder + (self.name if self._names_archive else archive_file)) as stream:
            if stream.size_bytes != archive.size_bytes:
                raise SourceChangedError(
                    f"the tar has {stream.size_bytes} bytes, its manifest states {archive.size_bytes}"
                )
            for frame, data in split_archive(stream.chunks(), manifest, archive):
                if hashlib.sha256(data).hexdigest() != frame.sha256:
                    raise SourceChangedError(
                        f"{frame.key!r} in the tar does not have the SHA-256 that the manifest states"
                    )
                name = frame.key.removeprefix(prefix + slash)
                replaces = existing[name].etag if name in existing else None
                target.put(name, data, content_type="", sha256=frame.sha256, replaces=replaces)
        return len(manifest.frames)

    @property
    def _names_archive(self) -> bool:
        return archive_form(self.name) is not None

    def _read_manifest(self) -> tuple[Manifest, Archive]:
        key = self.folder + (MANIFEST_NAME if self._names_archive else self.name)
        found = self.store.read(key)
        if found is None:
            raise VideoMissingError(f"there is no {key!r}, the manifest of the tar")
        manifest = parse_manifest(found.data)
        if manifest is None:
            raise UnreadableError(f"{key!r} is not a manifest of this schema version")
        if manifest.archive is None:
            raise UnreadableError(f"{key!r} lists no tar: its frames are separate files already")
        return manifest, manifest.archive


def split_archive(
    chunks: Iterator[bytes], manifest: Manifest, archive: Archive
) -> Iterator[tuple[StoredFrame, bytes]]:
    """Yield the frames in the order of the archive, which is read once, one frame at a time."""
    position, buffer = 0, bytearray()
    members = sorted(zip(manifest.frames, archive.offsets, strict=True), key=lambda member: member[1])
    for frame, offset in members:
        end = offset + frame.size_bytes
        while position + len(buffer) < end and (chunk := next(chunks, b"")):
            buffer += chunk
            skipped = min(len(buffer), max(0, offset - position))
            del buffer[:skipped]
            position += skipped
        yield frame, bytes(buffer[offset - position : end - position])
