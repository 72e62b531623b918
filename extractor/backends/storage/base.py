"""Where videos and frames lie: a bucket."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from msgspec import Struct

NO_VERSIONS: Mapping[str, str] = {}


class StoredObject(Struct, frozen=True):
    """An entry of a listing. `key` is relative to the bucket; `etag` tells versions apart. `modified` is
    when the object was written; ``None`` if it does not come from a listing."""

    key: str
    size_bytes: int
    etag: str
    modified: datetime | None = None


class StoredBytes(Struct, frozen=True):
    """An object as a whole."""

    data: bytes
    etag: str


class ObjectStream(Protocol):
    """An object being read: its version first, its bytes on demand."""

    @property
    def etag(self) -> str: ...

    @property
    def size_bytes(self) -> int: ...

    def chunks(self) -> Iterator[bytes]:
        """The whole body, in pieces of at most 1 MiB.

        Raises `SourceChangedError` if fewer bytes arrive than `size_bytes`.
        """
        ...


class ObjectStore(Protocol):
    """One bucket.

    Every method may raise `StorageUnavailableError` or `AccessDeniedError`.
    """

    def open(self, key: str) -> AbstractContextManager[ObjectStream]:
        """Raises `VideoMissingError` (404) or `ArchivedError`."""
        ...

    def read(self, key: str) -> StoredBytes | None:
        """A small object as a whole; `None` if there is none."""
        ...

    def put(self, key: str, data: bytes, *, content_type: str, sha256: str, replaces: str | None) -> str:
        """Store `data` in place of the version whose ETag is `replaces`; `None`: where nothing is.
        Returns the ETag of what is there now.

        `sha256` (hex) is checked on arrival. If exactly this content is there already, all is well.
        Raises `ConflictError` if anything else is there than was expected.
        """
        ...

    def put_parts(self, key: str, parts: Iterable[bytes], *, content_type: str, replaces: str | None) -> str:
        """Store the `parts`, one after the other, as one object; like `put` otherwise. Each but the last has
        5 MiB or more; only a few are held at a time.

        The object appears when all of them have arrived. If `parts` raises, so does this, and there is none.
        """
        ...

    def list(self, prefix: str, after: str = "", *, deep: bool = True) -> Iterator[StoredObject]:
        """All objects whose key starts with `prefix` and is greater than `after`, in key order: that of
        UTF-8. Unless `deep`, without those that have a slash after the prefix. A listing that breaks off
        raises; it never just ends."""
        ...

    def copy(self, key: str, to: str) -> None:
        """Copy an object within the bucket, over whatever is at `to`. Raises `VideoMissingError` if there
        is no such object, `ArchivedError`."""
        ...

    def delete(self, keys: Sequence[str], versions: Mapping[str, str] = NO_VERSIONS) -> None:
        """Delete the objects; one that is gone already is no error.

        Of a key with an ETag in `versions`, only that version is deleted; another stays, which is no error,
        either. A server that does not know this condition deletes what is there.
        """
        ...
