"""A bucket in memory, held to the contract of every other one: it takes more than a server does in a test."""

import hashlib
import itertools
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from extractor.backends.storage.base import NO_VERSIONS, RangedObject, StoredBytes, StoredObject
from extractor.errors import ConflictError, StorageUnavailableError, VideoMissingError

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class _Stored:
    data: bytes
    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class _Stream:
    etag: str
    size_bytes: int
    data: bytes
    ranges: RangedObject | None = None

    def chunks(self) -> Iterator[bytes]:
        for start in range(0, len(self.data), _CHUNK):
            yield self.data[start : start + _CHUNK]


class MemoryStore:
    """An `ObjectStore` in memory. Objects get an old modification time unless `now` is given. A listing
    breaks off at the key `breaks_at`."""

    def __init__(self) -> None:
        self.now = LONG_AGO
        self.breaks_at: str | None = None
        self.listings = 0
        self._objects: dict[str, _Stored] = {}
        self._keys: list[str] = []
        self._lock = threading.RLock()

    @contextmanager
    def open(self, key: str) -> Iterator[_Stream]:
        found = self._objects.get(key)
        if found is None:
            raise VideoMissingError(f"there is no {key!r}")
        yield _Stream(found.etag, len(found.data), found.data)

    def read(self, key: str) -> StoredBytes | None:
        found = self._objects.get(key)
        return StoredBytes(found.data, found.etag) if found else None

    def put(self, key: str, data: bytes, *, content_type: str, sha256: str, replaces: str | None) -> str:
        assert hashlib.sha256(data).hexdigest() == sha256
        with self._lock:
            there = self._objects.get(key)
            if (there.etag if there else None) != replaces:
                if there is not None and there.data == data:
                    return there.etag
                raise ConflictError(f"somebody else has written {key!r}")
            return self._store(key, data)

    def put_parts(self, key: str, parts: Iterable[bytes], *, content_type: str, replaces: str | None) -> str:
        data = b"".join(parts)
        digest = hashlib.sha256(data).hexdigest()
        return self.put(key, data, content_type=content_type, sha256=digest, replaces=replaces)

    def add(self, key: str, data: bytes) -> str:
        """Put, whatever is there."""
        with self._lock:
            return self._store(key, data)

    def _store(self, key: str, data: bytes) -> str:
        if key not in self._objects:
            insort(self._keys, key)
        etag = hashlib.md5(data).hexdigest()  # as S3 makes it
        self._objects[key] = _Stored(data, etag, self.now)
        return etag

    def list(self, prefix: str, after: str = "", *, deep: bool = True) -> Iterator[StoredObject]:
        with self._lock:
            self.listings += 1
            start = max(bisect_right(self._keys, after), bisect_left(self._keys, prefix))
            keys = self._keys[start:]
        for key in itertools.takewhile(lambda key: key.startswith(prefix), keys):
            stored = self._objects.get(key)
            if stored is None or not (deep or "/" not in key.removeprefix(prefix)):
                continue
            if self.breaks_at is not None and key >= self.breaks_at:
                raise StorageUnavailableError("the listing broke off")
            yield StoredObject(key, len(stored.data), stored.etag, stored.modified)

    def delete(self, keys: Sequence[str], versions: Mapping[str, str] = NO_VERSIONS) -> None:
        with self._lock:
            for key in keys:
                if key in self._objects and versions.get(key) in {None, self._objects[key].etag}:
                    del self._objects[key]
                    self._keys.remove(key)

    def copy(self, key: str, to: str) -> None:
        with self._lock, self.open(key) as stream:
            self._store(to, stream.data)

    @property
    def keys(self) -> Sequence[str]:
        return tuple(self._keys)
