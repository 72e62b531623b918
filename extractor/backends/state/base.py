"""Where it is kept what is done: a table, and what each of its readers needs of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from extractor.domain.jobs import ExtractionSummary, VideoRef


class StateRow(Struct, frozen=True):
    """What the state knows of a video."""

    code: str
    is_fetched: bool
    is_extracted: bool


class BacklogFilter(Struct, frozen=True):
    """Which rows of the backlog: those without a recorded failure, or only those with one (`failed`).

    `enqueued_before` leaves out what was enqueued at that moment or later, `fetched_since` what was
    fetched before that moment. Both need the column that they speak of.
    """

    failed: bool = False
    enqueued_before: datetime | None = None
    fetched_since: datetime | None = None


class InventoryRow(Struct, frozen=True):
    """A row in full. What the table has no column for is ``None``."""

    code: str
    is_fetched: bool
    is_extracted: bool
    extract_error: str | None = None
    frame_count: int | None = None
    extracted_at: datetime | None = None
    enqueued_at: datetime | None = None


class StateStore(Protocol):
    """Says what is fetched and what is extracted; what the worker needs of it.

    Every method may raise `StateUnavailableError` or `AccessDeniedError`.
    """

    @property
    def keyed_by_version(self) -> bool:
        """Whether the state is kept for versions of objects, so that every `VideoRef` needs its source."""
        ...

    def begin(self, subject: VideoRef, lease_seconds: float) -> StateRow | None:
        """The row; `None` if there is none. A store that knows claims takes one that ends after
        `lease_seconds` unless the video is extracted. Raises `ClaimedError` if another worker has one."""
        ...

    def release(self, subject: VideoRef) -> None:
        """Give up the claim that `begin` took, if any, so that the next delivery need not wait."""
        ...

    def mark_extracted(self, subject: VideoRef, extraction: ExtractionSummary) -> None:
        """Set `is_extracted`, and what else there is room for; clear the recorded failure.

        Raises `NotInStateError` unless exactly one row changed, `ClaimedError` if the claim is lost."""
        ...

    def record_failure(self, subject: VideoRef, reason: str, detail: str) -> None:
        """Note a final failure (``REASON: detail``), where there is room for it. A subject that the
        state does not know, or is extracted, is no error: there is nothing to note."""
        ...


class Backlog(Protocol):
    """What waits to be extracted. Every method may raise `StateUnavailableError` or `AccessDeniedError`."""

    def pending(self, after: str | None, limit: int, backlog_filter: BacklogFilter) -> Sequence[str]:
        """Codes that are fetched, not extracted, and in the `pick`, greater than `after` in the store's
        own order, that order, at most `limit`. An empty page is the end; a short one is not.

        Raises `SettingsError` if `pick` speaks of a column that the table has not."""
        ...

    def count_pending(self, backlog_filter: BacklogFilter) -> int:
        """How many codes `pending` would give in all."""
        ...

    def mark_enqueued(self, codes: Sequence[str], moment: datetime) -> None:
        """Note when the codes were enqueued, where there is a column for it."""
        ...


class FailureReader(Protocol):
    """What failed for good. Every method may raise `StateUnavailableError` or `AccessDeniedError`."""

    def failed_rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        """What `Backlog.pending` gives for a pick of the `failed`, as rows with their `extract_error`. Raises
        `SettingsError` if the table has no column for it."""
        ...


class RowReader(Protocol):
    """The whole table, for audits. Every method may raise `StateUnavailableError` or `AccessDeniedError`."""

    def rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        """Rows with a code greater than `after`, in that order; see `Backlog.pending`."""
        ...

    def reset(self, codes: Sequence[str]) -> int:
        """Make the videos as if they had never been tried: not extracted, no failure, not enqueued.
        Returns how many rows changed."""
        ...
