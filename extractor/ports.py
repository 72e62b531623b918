"""What the use cases need from the outside world. Adapters implement these; tests hold each
adapter to the same contract (`tests/contracts`)."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from extractor.models import (
    Extraction,
    InventoryRow,
    OutgoingMessage,
    Pick,
    SendFailure,
    StateRow,
    Subject,
)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An entry of a listing. `key` is relative to the bucket; `etag` tells versions apart. `modified` is
    when the object was written; ``None`` if it does not come from a listing."""

    key: str
    size_bytes: int
    etag: str
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredBytes:
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

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """All objects whose key starts with `prefix` and is greater than `after`, in key order: that of
        UTF-8. A listing that breaks off raises; it never just ends."""
        ...

    def copy(self, key: str, to: str) -> None:
        """Copy an object within the bucket, over whatever is at `to`. Raises `VideoMissingError` if there
        is no such object, `ArchivedError`."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Delete the objects; one that is gone already is no error."""
        ...


class StateStore(Protocol):
    """Says what is fetched and what is extracted; what the worker needs of it.

    Every method may raise `StateUnavailableError` or `AccessDeniedError`.
    """

    @property
    def by_content(self) -> bool:
        """Whether the state is kept for versions of objects, so that every `Subject` needs its source."""
        ...

    def begin(self, subject: Subject, lease_seconds: float) -> StateRow | None:
        """The row; `None` if there is none. A store that knows claims takes one that ends after
        `lease_seconds` unless the video is extracted. Raises `ClaimedError` if another worker has one."""
        ...

    def release(self, subject: Subject) -> None:
        """Give up the claim that `begin` took, if any, so that the next delivery need not wait."""
        ...

    def mark_extracted(self, subject: Subject, extraction: Extraction) -> None:
        """Set `is_extracted`, and what else there is room for; clear the recorded failure.

        Raises `NotInStateError` unless exactly one row changed, `ClaimedError` if the claim is lost."""
        ...

    def record_failure(self, subject: Subject, reason: str, detail: str) -> None:
        """Note a final failure (``REASON: detail``), where there is room for it. A subject that the
        state does not know, or is extracted, is no error: there is nothing to note."""
        ...


class Backlog(Protocol):
    """What waits to be extracted. Every method may raise `StateUnavailableError` or `AccessDeniedError`."""

    def pending(self, after: str | None, limit: int, pick: Pick) -> Sequence[str]:
        """Codes that are fetched, not extracted, and in the `pick`, greater than `after` in the store's
        own order, that order, at most `limit`. An empty page is the end; a short one is not.

        Raises `SettingsError` if `pick` speaks of a column that the table has not."""
        ...

    def count_pending(self, pick: Pick) -> int:
        """How many codes `pending` would give in all."""
        ...

    def mark_enqueued(self, codes: Sequence[str], moment: datetime) -> None:
        """Note when the codes were enqueued, where there is a column for it."""
        ...


class FailureLog(Protocol):
    """What failed for good. Every method may raise `StateUnavailableError` or `AccessDeniedError`."""

    def failed_rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        """What `Backlog.pending` gives for a pick of the `failed`, as rows with their `extract_error`. Raises
        `SettingsError` if the table has no column for it."""
        ...


class Inventory(Protocol):
    """The whole table, for audits. Every method may raise `StateUnavailableError` or `AccessDeniedError`."""

    def rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        """Rows with a code greater than `after`, in that order; see `Backlog.pending`."""
        ...

    def reset(self, codes: Sequence[str]) -> int:
        """Make the videos as if they had never been tried: not extracted, no failure, not enqueued.
        Returns how many rows changed."""
        ...


class JobQueue(Protocol):
    """A queue of messages."""

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        """Send at most ten messages in one call; returns those that the queue refused.

        Raises `QueueUnavailableError` or `AccessDeniedError` if the call as a whole failed; then
        any of them may have been queued or not.
        """
        ...


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many messages lie in a queue, as far as it knows: those that wait, those that somebody works on
    (or that wait for their next delivery), those that are delayed, and the letters in its dead-letter queue;
    `None` if it has none, or that may not be read."""

    waiting: int
    in_flight: int
    delayed: int
    dead_letters: int | None

    @property
    def total(self) -> int:
        """Without the dead letters."""
        return self.waiting + self.in_flight + self.delayed


class WatchableQueue(JobQueue, Protocol):
    """A queue whose emptying can be watched."""

    def depth(self) -> QueueDepth:
        """Raises `QueueUnavailableError` or `AccessDeniedError`."""
        ...


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be handled, as it was sent. `reason` is the code that was given when it was
    put aside, ``None`` if the queue itself did that. `receipt` is what the queue wants to hear of it by."""

    message_id: str
    body: str
    reason: str | None
    receipt: str


class DeadLetters(Protocol):
    """A queue that is read. Every method may raise `QueueUnavailableError` or `AccessDeniedError`."""

    def receive(self) -> Sequence[DeadLetter]:
        """Up to ten letters, which nobody else is given for a while; none if no more are to be had."""
        ...

    def delete(self, letters: Sequence[DeadLetter]) -> None:
        """Remove the letters for good."""
        ...

    def release(self, letters: Sequence[DeadLetter]) -> None:
        """Let others have the letters at once. If that fails, they may have them a while later."""
        ...
