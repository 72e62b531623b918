"""Interface to object stores: the buckets of videos and frames."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from msgspec import Struct

NO_VERSIONS: Mapping[str, str] = {}


class StoredObject(Struct, frozen=True):
    """An object in a listing.

    Attributes:
        key: Its key, relative to the bucket.
        size_bytes: Its size.
        etag: Identifies this version of the object.
        modified: When it was written; ``None`` if it does not come from a listing.
    """

    key: str
    size_bytes: int
    etag: str
    modified: datetime | None = None


class StoredBytes(Struct, frozen=True):
    """The content of an object.

    Attributes:
        data: All of its bytes.
        etag: Identifies this version of the object.
    """

    data: bytes
    etag: str


class StoredRange(Struct, frozen=True):
    """A range of an object in S3, which S3 can copy by itself.

    Attributes:
        bucket: The bucket.
        key: The key.
        etag: The version of the object.
        size_bytes: The size of the range, which begins with the object.
    """

    bucket: str
    key: str
    etag: str
    size_bytes: int


class RangedObject(Protocol):
    """One version of an object, of which ranges can be read. Thread-safe."""

    @property
    def size_bytes(self) -> int:
        """The size of the object."""
        ...

    def chunks(self, run: range) -> Iterator[bytes]:
        """Yield the bytes of a range.

        Raises:
            SourceChangedError: The object was overwritten meanwhile, or its bytes end early.
            ExtractorError: It cannot be read.
        """
        ...


class ObjectStream(Protocol):
    """An object that is open for reading.

    Attributes:
        etag: Identifies the version that is read.
        size_bytes: Its size.
        ranges: Reads ranges of this version; ``None`` if the store cannot.
    """

    @property
    def etag(self) -> str: ...

    @property
    def size_bytes(self) -> int: ...

    @property
    def ranges(self) -> RangedObject | None: ...

    def chunks(self) -> Iterator[bytes]:
        """Yield the content in chunks of at most 1 MiB. The stream is closed when the iterator is.

        Raises:
            SourceChangedError: Fewer bytes arrived than `size_bytes`.
        """
        ...


class ObjectStore(Protocol):
    """One bucket.

    Every method may raise `StorageUnavailableError` or `AccessDeniedError`.
    """

    def open(self, key: str) -> AbstractContextManager[ObjectStream]:
        """Open an object for reading.

        Raises:
            VideoMissingError: There is no such object.
            ArchivedError: The object is in an archive tier.
        """
        ...

    def read(self, key: str) -> StoredBytes | None:
        """Return a small object; ``None`` if it does not exist."""
        ...

    def put(self, key: str, data: bytes, *, content_type: str, sha256: str, replaces: str | None) -> str:
        """Write an object on the condition that the stored version is the expected one.

        If the object already has exactly this content, the call succeeds.

        Args:
            key: The key.
            data: The content.
            content_type: The MIME type.
            sha256: The SHA-256 of `data` in hex; the store verifies it.
            replaces: The ETag of the version to replace; ``None`` if no object may exist.

        Returns:
            The ETag of the stored object.

        Raises:
            ConflictError: Another version is stored than `replaces` says.
        """
        ...

    def put_parts(self, key: str, parts: Iterable[bytes], *, content_type: str, replaces: str | None) -> str:
        """Write an object from parts, of which only a few are in memory at a time; see `put`.

        The object appears when all parts have arrived. If iterating over `parts` raises, no object is
        written.

        Args:
            key: The key.
            parts: The content in order. Each part but the last has at least 5 MiB.
            content_type: The MIME type.
            replaces: The ETag of the version to replace; ``None`` if no object may exist.

        Returns:
            The ETag of the stored object.

        Raises:
            ConflictError: Another version is stored than `replaces` says.
        """
        ...

    def list(self, prefix: str, after: str = "", *, deep: bool = True) -> Iterator[StoredObject]:
        """Yield the objects under a prefix, ordered by the UTF-8 bytes of their keys.

        A listing that is interrupted raises; it never ends early.

        Args:
            prefix: What the keys start with.
            after: Only keys greater than this one.
            deep: If false, leave out keys with a slash after the prefix.
        """
        ...

    def copy(self, key: str, to: str) -> None:
        """Copy an object within the bucket; an object at `to` is overwritten.

        Raises:
            VideoMissingError: There is no such object.
            ArchivedError: The object is in an archive tier.
        """
        ...

    def delete(self, keys: Sequence[str], versions: Mapping[str, str] = NO_VERSIONS) -> None:
        """Delete objects. Keys without an object are ignored.

        Args:
            keys: The keys.
            versions: ETags by key: such an object is deleted only if it still has this ETag. A server that
                does not support the condition deletes unconditionally.
        """
        ...
