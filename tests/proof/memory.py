"""The outside world in memory. These pass the same contract tests as the real adapters (test_memory.py)."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from extractor.backends.queues.base import OutgoingMessage, SendFailure
from extractor.backends.state.base import BacklogFilter, StateRow
from extractor.backends.state.values import failure_text
from extractor.backends.storage.base import NO_VERSIONS, RangedObject, StoredBytes, StoredObject
from extractor.domain import keys
from extractor.domain.jobs import ExtractionSummary, VideoRef
from extractor.errors import ClaimedError, ConflictError, NotInStateError, VideoMissingError

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class MemoryStream:
    """An object as it was when it was opened."""

    data: bytes
    ranges: RangedObject | None = None

    @property
    def etag(self) -> str:
        return etag_of(self.data)

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    def chunks(self) -> Iterator[bytes]:
        for start in range(0, len(self.data), _CHUNK_BYTES):
            yield self.data[start : start + _CHUNK_BYTES]


@dataclass(frozen=True, slots=True)
class MemoryObjectStore:
    """See `extractor.backends.storage.base.ObjectStore`."""

    objects: dict[str, bytes] = field(default_factory=dict)

    @contextmanager
    def open(self, key: str) -> Iterator[MemoryStream]:
        if key not in self.objects:
            raise VideoMissingError(f"there is no object {key!r}")
        yield MemoryStream(self.objects[key])

    def read(self, key: str) -> StoredBytes | None:
        data = self.objects.get(key)
        return None if data is None else StoredBytes(data, etag_of(data))

    def put(self, key: str, data: bytes, *, content_type: str, sha256: str, replaces: str | None) -> str:
        assert hashlib.sha256(data).hexdigest() == sha256
        there = self.objects.get(key)
        if there != data and replaces != (None if there is None else etag_of(there)):
            raise ConflictError(f"{key!r} is not what was to be replaced")
        self.objects[key] = data
        return etag_of(data)

    def put_parts(self, key: str, parts: Iterable[bytes], *, content_type: str, replaces: str | None) -> str:
        data = b"".join(parts)
        digest = hashlib.sha256(data).hexdigest()
        return self.put(key, data, content_type=content_type, sha256=digest, replaces=replaces)

    def copy(self, key: str, to: str) -> None:
        if key not in self.objects:
            raise VideoMissingError(f"there is no object {key!r}")
        self.objects[to] = self.objects[key]

    def list(self, prefix: str, after: str = "", *, deep: bool = True) -> Iterator[StoredObject]:
        for key, data in sorted(self.objects.items()):
            if key.startswith(prefix) and key > after and (deep or "/" not in key.removeprefix(prefix)):
                yield StoredObject(key, len(data), etag_of(data))

    def delete(self, keys: Sequence[str], versions: Mapping[str, str] = NO_VERSIONS) -> None:
        for key in keys:
            there = self.objects.get(key)
            if there is not None and versions.get(key) in {None, etag_of(there)}:
                del self.objects[key]


@dataclass(slots=True)
class Row:
    """A video in a `MemoryTable`."""

    is_extracted: bool = False
    frame_count: int | None = None
    error: str | None = None
    enqueued_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MemoryTable:
    """A `StateStore` and `Backlog` in memory: like SQLite, one row for each code and no claims. All its
    videos are fetched."""

    rows: dict[str, Row] = field(default_factory=dict)
    keyed_by_version: bool = False

    def begin(self, subject: VideoRef, lease_seconds: float) -> StateRow | None:
        row = self.rows.get(subject.code)
        return StateRow(subject.code, is_fetched=True, is_extracted=row.is_extracted) if row else None

    def release(self, subject: VideoRef) -> None:
        """There are no claims here."""

    def mark_extracted(self, subject: VideoRef, extraction: ExtractionSummary) -> None:
        if subject.code not in self.rows:
            raise NotInStateError(f"there is no row {subject.code!r}")
        self.rows[subject.code] = Row(is_extracted=True, frame_count=extraction.frame_count)

    def record_failure(self, subject: VideoRef, reason: str, detail: str) -> None:
        row = self.rows.get(subject.code)
        if row and not row.is_extracted:
            row.error = failure_text(reason, detail)

    def pending(self, after: str | None, limit: int, backlog_filter: BacklogFilter) -> Sequence[str]:
        return [code for code in self._waiting(backlog_filter) if after is None or code > after][:limit]

    def count_pending(self, backlog_filter: BacklogFilter) -> int:
        return len(self._waiting(backlog_filter))

    def mark_enqueued(self, codes: Sequence[str], moment: datetime) -> None:
        for code in codes:
            self.rows[code].enqueued_at = moment

    def _waiting(self, backlog_filter: BacklogFilter) -> list[str]:
        return [
            code
            for code, row in sorted(self.rows.items())
            if not row.is_extracted and (row.error is not None) == backlog_filter.failed
        ]


@dataclass(slots=True)
class Item:
    """A version of a video in `MemoryClaims`."""

    status: str = ""
    owner: str = ""
    expires_at: float = 0.0
    frame_count: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class MemoryClaims:
    """A `StateStore` in memory: like DynamoDB, one item for each version, claimed by one `owner` at a time
    until `now` passes the end of the claim."""

    items: dict[str, Item]
    now: Callable[[], float]
    owner: str
    keyed_by_version: bool = True

    def begin(self, subject: VideoRef, lease_seconds: float) -> StateRow | None:
        item = self.items.setdefault(item_key(subject), Item())
        if item.status != "processed":
            if not self._is_free(item):
                raise ClaimedError("another worker is at this video")
            item.status, item.owner = "processing", self.owner
            item.expires_at = self.now() + lease_seconds
        return StateRow(subject.code, is_fetched=True, is_extracted=item.status == "processed")

    def release(self, subject: VideoRef) -> None:
        item = self.items.get(item_key(subject))
        if item and self._is_ours(item):
            item.expires_at = 0.0

    def mark_extracted(self, subject: VideoRef, extraction: ExtractionSummary) -> None:
        item = self.items.get(item_key(subject))
        if item is None:
            raise NotInStateError("the item of this video is gone")
        if not self._is_ours(item) and item.status != "processed":
            raise ClaimedError("another worker has taken over this video")
        if self._is_ours(item):
            item.status, item.owner, item.error = "processed", "", None
            item.frame_count = extraction.frame_count

    def record_failure(self, subject: VideoRef, reason: str, detail: str) -> None:
        item = self.items.get(item_key(subject))
        if item and item.status != "processed" and self._is_free(item):
            item.status, item.owner, item.error = "failed", "", failure_text(reason, detail)

    def _is_free(self, item: Item) -> bool:
        return item.status != "processing" or item.owner == self.owner or item.expires_at <= self.now()

    def _is_ours(self, item: Item) -> bool:
        return item.status == "processing" and item.owner == self.owner


@dataclass(frozen=True, slots=True)
class MemoryQueue:
    """See `extractor.backends.queues.base.JobQueue`."""

    sent: list[OutgoingMessage] = field(default_factory=list)

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        self.sent.extend(messages)
        return []


def etag_of(data: bytes) -> str:
    """What S3 gives an object that was put at once."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def item_key(subject: VideoRef) -> str:
    assert subject.source is not None, "this state is kept by content"
    return keys.content_id(subject.source)
