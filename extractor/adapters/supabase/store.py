"""A Supabase table as `StateStore`, `Backlog` and `Inventory`, through its database API (PostgREST).

Three columns are needed: the code and the two flags (NULL counts as false). The others are used where
the table has them. Every request may be sent twice: an update sets values that do not depend on old ones.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from postgrest import CountMethod, SyncPostgrestClient, SyncSelectRequestBuilder

from extractor.adapters.supabase.api import columns_exist, execute, rows_of
from extractor.columns import NEEDED, OPTIONAL, RECORDED, STANDARD, Columns, Shape
from extractor.errors import NotInStateError, StateUnavailableError
from extractor.models import Extraction, InventoryRow, Pick, StateRow, Subject
from extractor.state_values import UNTRIED, failure_text, inventory_row, success, time_text

logger = logging.getLogger(__name__)

_CODES_LENGTH = 3_000  # of the codes in one address; gateways take 8 KiB of it


class SupabaseStateStore:
    """See `extractor.ports`. Safe to use from several threads."""

    by_content = False

    def __init__(self, client: SyncPostgrestClient, table: str, columns: Columns = STANDARD) -> None:
        self._client = client
        self._table = table
        self._columns = columns
        self._known_shape: Shape | None = None

    def begin(self, subject: Subject, lease_seconds: float) -> StateRow | None:  # noqa: ARG002 - no claims here
        query = self._select(NEEDED).eq(self._columns.code, subject.code).limit(1)
        rows = [inventory_row(row) for row in rows_of(query)]
        return StateRow(rows[0].code, rows[0].is_fetched, rows[0].is_extracted) if rows else None

    def release(self, subject: Subject) -> None:
        """There are no claims here."""

    def mark_extracted(self, subject: Subject, extraction: Extraction) -> None:
        changed = self._update([subject.code], success(extraction))
        if changed != 1:
            raise NotInStateError(
                f"{changed} rows were changed for the code {subject.code!r}, not one: there is no such row, "
                "or row-level security hides it from SUPABASE_KEY"
            )

    def record_failure(self, subject: Subject, reason: str, detail: str) -> None:
        # The late failure of a duplicate says nothing about a video that is done.
        changes = {"extract_error": failure_text(reason, detail)}
        self._update([subject.code], changes, unless_extracted=True)

    def pending(self, after: str | None, limit: int, pick: Pick) -> Sequence[str]:
        query = self._picked(self._select(("code",)), pick)
        return [row["code"] for row in self._page(query, after, limit)]

    def count_pending(self, pick: Pick) -> int:
        select = self._client.table(self._table).select(
            self._columns.code, count=CountMethod.exact, head=True
        )
        count = execute(self._picked(select, pick)).count
        if count is None:
            raise StateUnavailableError("the state store gives no count; check SUPABASE_URL")
        return count

    def mark_enqueued(self, codes: Sequence[str], moment: datetime) -> None:
        self._update(codes, {"enqueued_at": time_text(moment)})

    def rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        fields = [field for field in (*NEEDED, *RECORDED) if self._shape().has(field)]
        return [inventory_row(row) for row in self._page(self._select(fields), after, limit)]

    def failed_rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        query = self._picked(self._select((*NEEDED, "extract_error")), Pick(failed=True))
        return [inventory_row(row) for row in self._page(query, after, limit)]

    def reset(self, codes: Sequence[str]) -> int:
        return self._update(codes, UNTRIED)

    def _select(self, fields: Iterable[str]) -> SyncSelectRequestBuilder:
        """Rows with the names of fields, whatever the columns are called."""
        names = [f"{field}:{self._columns.name(field)}" for field in fields]
        return self._client.table(self._table).select(*names)

    def _picked(self, query: SyncSelectRequestBuilder, pick: Pick) -> SyncSelectRequestBuilder:
        names, shape = self._columns, self._shape()
        shape.check(pick)
        query = query.is_(names.is_fetched, True).not_.is_(names.is_extracted, True)
        if shape.has("extract_error"):
            query = (query.not_ if pick.failed else query).is_(names.extract_error, None)
        if pick.enqueued_before is not None:
            column, moment = names.enqueued_at, time_text(pick.enqueued_before)
            query = query.or_(f'{column}.is.null,{column}.lt."{moment}"')
        if pick.fetched_since is not None:
            query = query.gte(names.fetched_at, time_text(pick.fetched_since))
        return query

    def _page(
        self, query: SyncSelectRequestBuilder, after: str | None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        if after is not None:
            query = query.gt(self._columns.code, after)
        return rows_of(query.order(self._columns.code).limit(limit))

    def _update(
        self, codes: Sequence[str], values: Mapping[str, object], *, unless_extracted: bool = False
    ) -> int:
        """Change the rows of `codes`, as far as there are columns for `values`.

        Returns how many were changed: an update that matches none is no error to PostgREST.
        """
        changes, changed = self._shape().changes(values), 0
        for some in _chunks(codes) if changes else ():
            query = self._client.table(self._table).update(changes).in_(self._columns.code, some)
            if unless_extracted:
                query = query.not_.is_(self._columns.is_extracted, True)
            changed += len(rows_of(query.select(self._columns.code)))
        return changed

    def _shape(self) -> Shape:
        """Which columns there are, asked for once. Mostly one request tells."""
        if self._known_shape is None:
            present = OPTIONAL
            if not columns_exist(self._select(OPTIONAL)):
                present = tuple(field for field in OPTIONAL if columns_exist(self._select([field])))
            self._known_shape = Shape(self._columns, frozenset(present))
            if missing := self._known_shape.missing:
                logger.warning("the state table has no %s; that is not recorded", ", ".join(missing))
        return self._known_shape


def _chunks(codes: Sequence[str]) -> Iterator[list[str]]:
    """The codes in parts that fit into an address."""
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
