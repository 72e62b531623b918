"""What the use cases need from the outside world. Adapters implement these; tests hold each
adapter to the same contract (`tests/contracts`)."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from extractor.models import OutgoingMessage, SendFailure, StateRow


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An entry of a listing. `key` is relative to the bucket."""

    key: str
    size_bytes: int


class ObjectStream(Protocol):
    """An object being read: its version first, its bytes on demand."""

    @property
    def etag(self) -> str | None: ...

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

    def read(self, key: str) -> bytes | None:
        """A small object as a whole; `None` if there is none."""
        ...

    def put(self, key: str, data: bytes, *, content_type: str, sha256: str) -> None:
        """Store `data`, replacing what is there. `sha256` (hex) is checked on arrival."""
        ...

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """All objects whose key starts with `prefix`, in key order."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Delete the objects; one that is gone already is no error."""
        ...


class StateStore(Protocol):
    """The table that says what is fetched and what is extracted.

    Every method may raise `StateUnavailableError` or `AccessDeniedError`.
    """

    def get(self, code: str) -> StateRow | None: ...

    def mark_extracted(self, code: str, frame_count: int) -> None:
        """Set `is_extracted`, and `frame_count`, `extracted_at` where those columns exist; clear
        `extract_error`. Raises `NotInStateError` unless exactly one row changed."""
        ...

    def record_failure(self, code: str, reason: str, detail: str) -> None:
        """Note a final failure in `extract_error` (``REASON: detail``), where that column exists.
        A code without a row is no error: there is nowhere to note it."""
        ...

    def pending(self, after: str | None, limit: int) -> Sequence[str]:
        """Codes that are fetched, not extracted and without a recorded failure, greater than
        `after` in the store's own order, that order, at most `limit`. An empty page is the end;
        a short one is not."""
        ...

    def count_pending(self) -> int:
        """How many codes `pending` would give in all."""
        ...


class JobQueue(Protocol):
    """A queue of messages."""

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        """Send at most ten messages in one call; returns those that the queue refused.

        Raises `QueueUnavailableError` or `AccessDeniedError` if the call as a whole failed; then
        any of them may have been queued or not.
        """
        ...
