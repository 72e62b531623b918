"""A Supabase table as a state store, through the project's database API (PostgREST).

Three columns are required: the code and the two flags (NULL counts as false). The others are used if the
table has them. Every request is safe to repeat: updates set values that do not depend on old ones.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn
from urllib.parse import quote

from postgrest import CountMethod, SyncPostgrestClient, SyncSelectRequestBuilder

from extractor.backends.state.base import BacklogFilter, InventoryRow, StateRow
from extractor.backends.state.columns import OPTIONAL, REQUIRED, STANDARD, WRITABLE, Columns, TableColumns
from extractor.backends.state.supabase.client import (
    RefusedValueError,
    columns_exist,
    exactly_one,
    execute,
    rows_of,
)
from extractor.backends.state.values import (
    RESET_VALUES,
    failure_text,
    inventory_row,
    next_page,
    success,
    time_text,
)
from extractor.domain.jobs import ExtractionSummary, VideoRef
from extractor.errors import (
    AccessDeniedError,
    DuplicateCodeError,
    NotInStateError,
    StateUnavailableError,
)

logger = logging.getLogger(__name__)

_CODES_LENGTH = 3_000  # characters of codes in one URL; gateways accept URLs of up to 8 KiB

# The code is not a value of the column's type, so no row has it.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_NO_SUCH_VALUE = frozenset({"22P02", "22003", "22007", "22008"})
_TEXT_TOO_LONG = frozenset({"22001", "23514"})  # varchar(n), or a CHECK constraint


class SupabaseStateStore:
    """A Supabase table as an `extractor.backends.state.base.VideoTable`. Thread-safe.

    Args:
        client: The client of the project's database API.
        table: The name of the table.
        columns: The names of its columns.
    """

    keyed_by_version = False

    def __init__(self, client: SyncPostgrestClient, table: str, columns: Columns = STANDARD) -> None:
        self._client = client
        self._table = table
        self._columns = columns
        self._known_shape: TableColumns | None = None

    def begin(self, subject: VideoRef, lease_seconds: float) -> StateRow | None:  # noqa: ARG002 - no claims
        rows = [inventory_row(row) for row in self._rows_with(subject.code)]
        if len(rows) > 1:
            raise DuplicateCodeError(f"more than one row has the code {subject.code!r}")
        if not rows:
            self._check_visible()
            return None
        return StateRow(rows[0].code, rows[0].is_fetched, rows[0].is_extracted)

    def release(self, subject: VideoRef) -> None:
        """Do nothing: this store has no claims."""

    def mark_extracted(self, subject: VideoRef, extraction: ExtractionSummary) -> None:
        changes = self._shape().changes(success(extraction))
        update = exactly_one(self._updating(changes).eq(self._columns.code, subject.code))
        if len(self._changed(update, changes)) != 1:
            self._explain_unchanged(subject.code)

    def record_failure(self, subject: VideoRef, reason: str, detail: str) -> None:
        # Ignore the late failure of a duplicate message if the video is already extracted.
        text = failure_text(reason, detail)
        try:
            self._update([subject.code], {"extract_error": text}, unless_extracted=True)
        except RefusedValueError as error:
            if error.code not in _TEXT_TOO_LONG:
                raise
            self._update([subject.code], {"extract_error": reason}, unless_extracted=True)

    def pending(self, after: str | None, limit: int, backlog_filter: BacklogFilter) -> Sequence[str]:
        query = self._picked(self._select(("code",)), backlog_filter)
        return [str(row["code"]) for row in self._page(query, after, limit)]

    def count_pending(self, backlog_filter: BacklogFilter) -> int:
        count = self._count(self._picked(self._counting(), backlog_filter).not_.is_(self._columns.code, None))
        if count == 0:
            self._check_visible()
        self._warn_of_rows_without_code()
        return count

    def mark_enqueued(self, codes: Sequence[str], moment: datetime) -> None:
        self._update(codes, {"enqueued_at": time_text(moment)})

    def rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        fields = [field for field in (*REQUIRED, *WRITABLE) if self._shape().has(field)]
        if after is None:
            self._warn_of_rows_without_code()
        return [inventory_row(row) for row in self._page(self._select(fields), after, limit)]

    def failed_rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        query = self._picked(self._select((*REQUIRED, "extract_error")), BacklogFilter(failed=True))
        return [inventory_row(row) for row in self._page(query, after, limit)]

    def reset(self, codes: Sequence[str]) -> int:
        return self._update(codes, RESET_VALUES)

    def _rows_with(self, code: str) -> Sequence[Mapping[str, Any]]:
        """Return up to two rows with this code."""
        try:
            return rows_of(self._select(REQUIRED).eq(self._columns.code, code).limit(2))
        except RefusedValueError as error:
            if error.code not in _NO_SUCH_VALUE:
                raise
            return ()

    def _explain_unchanged(self, code: str) -> NoReturn:
        """Raise the reason why an update of one row did not change it."""
        found = self._rows_with(code)
        if len(found) > 1:
            raise DuplicateCodeError(f"more than one row has the code {code!r}")
        self._refuse_unchanged([code for _ in found])
        self._check_visible()
        raise NotInStateError(f"the state has no row for the code {code!r} any more")

    def _check_visible(self) -> None:
        """Raise `AccessDeniedError` if the query returns no row at all.

        Row-level security hides rows without an error, so a missing row then proves nothing.
        """
        if not rows_of(self._select(("code",)).limit(1)):
            raise AccessDeniedError(
                f"the table {self._table} shows no rows at all: it is empty, or row-level security hides "
                "them from SUPABASE_KEY; check its role's policies, and STATE_TABLE"
            )

    def _select(self, fields: Iterable[str]) -> SyncSelectRequestBuilder:
        """Select columns, renamed to their fields."""
        names = [f"{field}:{self._columns.name(field)}" for field in fields]
        return self._client.table(self._table).select(*names)

    def _counting(self) -> SyncSelectRequestBuilder:
        return self._client.table(self._table).select(self._columns.code, count=CountMethod.exact, head=True)

    def _count(self, query: SyncSelectRequestBuilder) -> int:
        count = execute(query).count
        if count is None:
            raise StateUnavailableError("the state store gives no count; check SUPABASE_URL")
        return count

    def _picked(
        self, query: SyncSelectRequestBuilder, backlog_filter: BacklogFilter
    ) -> SyncSelectRequestBuilder:
        names, shape = self._columns, self._shape()
        shape.check(backlog_filter)
        query = query.is_(names.is_fetched, True).not_.is_(names.is_extracted, True)
        if shape.has("extract_error"):
            query = (query.not_ if backlog_filter.failed else query).is_(names.extract_error, None)
        if backlog_filter.enqueued_before is not None:
            column, moment = names.enqueued_at, time_text(backlog_filter.enqueued_before)
            query = query.or_(f'{column}.is.null,{column}.lt."{moment}"')
        if backlog_filter.fetched_since is not None:
            query = query.gte(names.fetched_at, time_text(backlog_filter.fetched_since))
        return query

    def _page(
        self, query: SyncSelectRequestBuilder, after: str | None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        code = self._columns.code
        if after is not None:
            query = query.gt(code, after)
        rows = rows_of(query.not_.is_(code, None).order(code).limit(limit))
        if after is None and not rows:
            self._check_visible()
        next_page([row["code"] for row in rows], after)
        return rows

    def _warn_of_rows_without_code(self) -> None:
        if number := self._count(self._counting().is_(self._columns.code, None)):
            logger.warning("%d rows have no %s, and are passed over", number, self._columns.code)

    def _update(
        self, codes: Sequence[str], values: Mapping[str, object], *, unless_extracted: bool = False
    ) -> int:
        """Update the columns that exist in the rows of `codes`; return the number of changed rows.

        PostgREST does not report an update that matches no row.

        Raises:
            AccessDeniedError: A row is visible, and the update did not change it.
        """
        changes, changed = self._shape().changes(values), 0
        for chunk in _chunks(codes) if changes else ():
            remaining, requested = chunk, 0
            # A response may list fewer rows than changed: older servers truncate it at `db-max-rows`.
            while remaining and len(remaining) != requested:
                requested = len(remaining)
                update = self._narrowed(self._updating(changes), remaining, unless_extracted)
                updated = self._changed(update, changes)
                changed += len(updated)
                remaining = [code for code in remaining if code not in updated]
            if remaining:
                found = rows_of(self._narrowed(self._select(("code",)), remaining, unless_extracted))
                self._refuse_unchanged([str(row["code"]) for row in found])
        return changed

    def _updating(self, changes: Mapping[str, object]) -> SyncSelectRequestBuilder:
        return self._client.table(self._table).update(changes).select(self._columns.code)

    def _changed(self, update: SyncSelectRequestBuilder, changes: Mapping[str, object]) -> list[str]:
        """Return the codes of the rows that the update changed."""
        try:
            return [str(row[self._columns.code]) for row in rows_of(update)]
        except RefusedValueError as error:
            raise RefusedValueError(error.code, changes) from error

    def _narrowed(
        self, query: SyncSelectRequestBuilder, codes: Sequence[str], unless_extracted: bool
    ) -> SyncSelectRequestBuilder:
        query = query.in_(self._columns.code, codes)
        return query.not_.is_(self._columns.is_extracted, True) if unless_extracted else query

    def _refuse_unchanged(self, codes: Sequence[str]) -> None:
        if codes:
            raise AccessDeniedError(
                f"{len(codes)} rows of the table {self._table} can be read, and not changed, the first being "
                f"{codes[0]!r}: check the grants and the row-level security of SUPABASE_KEY's role"
            )

    def _shape(self) -> TableColumns:
        """Return the columns of the table, queried once. One request suffices if no column is missing."""
        if self._known_shape is None:
            present = OPTIONAL
            if not columns_exist(self._select(OPTIONAL)):
                present = tuple(field for field in OPTIONAL if columns_exist(self._select([field])))
            self._known_shape = TableColumns(self._columns, frozenset(present))
            if missing := self._known_shape.missing:
                logger.warning("the state table has no %s; that is not recorded", ", ".join(missing))
        return self._known_shape


def _chunks(codes: Sequence[str]) -> Iterator[list[str]]:
    """Split the codes into parts that fit into a URL."""
    part: list[str] = []
    length = 0
    for code in codes:
        cost = len(quote(f'"{code}",'))
        if part and length + cost > _CODES_LENGTH:
            yield part
            part, length = [], 0
        part.append(code)
        length += cost
    if part:
        yield part
