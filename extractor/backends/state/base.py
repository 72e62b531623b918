"""Interfaces to the state table, one per use case."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from extractor.domain.jobs import ExtractionSummary, VideoRef


class StateRow(Struct, frozen=True):
    """The row of a video, as the worker needs it.

    Attributes:
        code: The code of the video.
        is_fetched: Whether the video is in the bucket.
        is_extracted: Whether its frames are stored.
    """

    code: str
    is_fetched: bool
    is_extracted: bool


class BacklogFilter(Struct, frozen=True):
    """Selects rows of the backlog.

    Attributes:
        failed: Only rows with a recorded failure; otherwise only rows without one.
        enqueued_before: Leave out rows enqueued at this moment or later. Needs the column ``enqueued_at``.
        fetched_since: Leave out rows fetched before this moment. Needs the column ``fetched_at``.
    """

    failed: bool = False
    enqueued_before: datetime | None = None
    fetched_since: datetime | None = None


class InventoryRow(Struct, frozen=True):
    """A complete row. Optional fields are ``None`` if the table lacks the column or the value is null.

    Attributes:
        code: The code of the video.
        is_fetched: Whether the video is in the bucket.
        is_extracted: Whether its frames are stored.
        extract_error: ``REASON: detail`` of a final failure.
        frame_count: The number of stored frames.
        extracted_at: When the frames were stored.
        enqueued_at: When the video was last enqueued.
    """

    code: str
    is_fetched: bool
    is_extracted: bool
    extract_error: str | None = None
    frame_count: int | None = None
    extracted_at: datetime | None = None
    enqueued_at: datetime | None = None


class StateStore(Protocol):
    """What the worker reads and writes: which videos are fetched and extracted.

    Every method may raise `StateUnavailableError` or `AccessDeniedError`.
    """

    @property
    def keyed_by_version(self) -> bool:
        """Whether rows are kept per version of an object, so that every `VideoRef` needs its source."""
        ...

    def begin(self, subject: VideoRef, lease_seconds: float) -> StateRow | None:
        """Read the row of a video, and claim the video if the store supports claims.

        Args:
            subject: The video.
            lease_seconds: How long the claim lasts.

        Returns:
            The row; ``None`` if there is none. No claim is taken for an extracted video.

        Raises:
            ClaimedError: Another worker has a valid claim.
            DuplicateCodeError: Several rows have this code.
        """
        ...

    def release(self, subject: VideoRef) -> None:
        """Release the claim that `begin` took, if any, so that the next delivery can start at once."""
        ...

    def mark_extracted(self, subject: VideoRef, extraction: ExtractionSummary) -> None:
        """Set `is_extracted`, write the result to the optional columns, and clear the recorded failure.

        Raises:
            NotInStateError: The video has no row.
            DuplicateCodeError: Several rows have this code.
            ClaimedError: Another worker has taken over the video.
        """
        ...

    def record_failure(self, subject: VideoRef, reason: str, detail: str) -> None:
        """Record a final failure as ``REASON: detail``, if the table has the column.

        Videos without a row, and extracted videos, are ignored.
        """
        ...


class Backlog(Protocol):
    """Videos that are fetched and not extracted.

    Every method may raise `StateUnavailableError` or `AccessDeniedError`.
    """

    def pending(self, after: str | None, limit: int, backlog_filter: BacklogFilter) -> Sequence[str]:
        """Return one page of the codes that are pending and match the filter, in the store's order.

        Args:
            after: Only codes greater than this one; ``None`` for the first page.
            limit: The maximum size of the page.
            backlog_filter: The filter.

        Returns:
            The codes. Only an empty page is the end; a short one is not.

        Raises:
            SettingsError: The table lacks a column that the filter needs.
        """
        ...

    def count_pending(self, backlog_filter: BacklogFilter) -> int:
        """Return how many codes `pending` returns in all."""
        ...

    def mark_enqueued(self, codes: Sequence[str], moment: datetime) -> None:
        """Record when the videos were enqueued, if the table has the column."""
        ...


class FailureReader(Protocol):
    """Videos with a recorded final failure.

    Every method may raise `StateUnavailableError` or `AccessDeniedError`.
    """

    def failed_rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        """Return one page of rows with a recorded failure; see `Backlog.pending`.

        Raises:
            SettingsError: The table has no column ``extract_error``.
        """
        ...


class RowReader(Protocol):
    """The whole table, for audits.

    Every method may raise `StateUnavailableError` or `AccessDeniedError`.
    """

    def rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        """Return one page of all rows, in order of their codes; see `Backlog.pending`."""
        ...

    def reset(self, codes: Sequence[str]) -> int:
        """Reset videos to the state before their first attempt: not extracted, not failed, not enqueued.

        Returns:
            The number of rows that changed.
        """
        ...


class VideoTable(StateStore, Backlog, FailureReader, RowReader, Protocol):
    """A state table with a backlog: what the command lines need."""
