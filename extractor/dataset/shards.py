"""Write shards, and check those that exist."""

import hashlib
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from itertools import chain
from typing import Final

from msgspec import Struct

from extractor.backends.storage.base import ObjectStore, StoredObject
from extractor.dataset.copies import Copier, whole_tar
from extractor.dataset.plan import Shard, Video
from extractor.dataset.source import Source
from extractor.domain.frames import StoredFrame
from extractor.errors import AccessDeniedError, SourceChangedError, StorageUnavailableError
from extractor.output.tar import END_OF_TAR, PART_BYTES, in_parts

CONTENT_TYPE: Final = "application/x-tar"


class ShardStore(Struct, frozen=True):
    """The shards of a data set.

    Attributes:
        store: The folder or the bucket.
        copier: Copies from the source to the store, if both are in S3.
        prefix: Prefix of their keys, with its closing slash; it may be empty.
        existing: The objects there, by key.
    """

    store: ObjectStore
    prefix: str
    existing: dict[str, StoredObject]
    copier: Copier | None = None

    def has(self, shard: Shard) -> bool:
        """Return whether exactly this shard is stored. Its bytes are read."""
        key = self.prefix + shard.name
        if key not in self.existing or self.existing[key].size_bytes != shard.size_bytes:
            return False
        with self.store.open(key) as stream:
            return _is_content_of(shard, stream.chunks())

    def write(self, shard: Shard, source: Source) -> None:
        """Write a shard, replacing another one of its name. It appears when it is complete.

        Raises:
            SourceChangedError: An image is missing or damaged.
            ConflictError: Somebody else has written the shard in the meantime.
        """
        key = self.prefix + shard.name
        replaces = self.existing[key].etag if key in self.existing else None
        if self.copier and any(map(whole_tar, shard.videos)):
            mixed = self.copier.parts(shard, partial(_content, source))
            # S3 refuses a tar that is not the version that the manifest states: then all are read.
            with suppress(AccessDeniedError, SourceChangedError, StorageUnavailableError):
                self.copier.target.put_parts(key, mixed, content_type=CONTENT_TYPE, replaces=replaces)
                return
        content = chain(chain.from_iterable(_content(source, video) for video in shard.videos), [END_OF_TAR])
        parts = in_parts(content, PART_BYTES)
        self.store.put_parts(key, parts, content_type=CONTENT_TYPE, replaces=replaces)


def _content(source: Source, video: Video) -> Iterator[bytes]:
    with closing(source.images(video)) as images:
        for piece in video.pieces():
            yield next(images) if isinstance(piece, StoredFrame) else piece


def _is_content_of(shard: Shard, chunks: Iterator[bytes]) -> bool:
    buffer = bytearray()

    def take(size_bytes: int) -> bytes:
        while len(buffer) < size_bytes and (chunk := next(chunks, b"")):
            buffer.extend(chunk)
        taken = bytes(buffer[:size_bytes])
        del buffer[:size_bytes]
        return taken

    for video in shard.videos:
        for piece in video.pieces():
            if isinstance(piece, StoredFrame):
                if hashlib.sha256(take(piece.size_bytes)).hexdigest() != piece.sha256:
                    return False
            elif take(len(piece)) != piece:
                return False
    return take(len(END_OF_TAR)) == END_OF_TAR
