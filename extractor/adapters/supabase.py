"""A Supabase table as a `StateStore`, through its database API (PostgREST).

Three columns are needed: ``code``, ``is_fetched``, ``is_extracted`` (NULL counts as false). The columns
``extract_error``, ``frame_count`` and ``extracted_at`` are used where the table has them.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
from postgrest import APIError, APIResponse, CountMethod, SyncPostgrestClient, SyncSelectRequestBuilder

from extractor.errors import AccessDeniedError, ExtractorError, NotInStateError, StateUnavailableError
from extractor.models import StateRow

logger = logging.getLogger(__name__)

_OPTIONAL = frozenset({"extract_error", "frame_count", "extracted_at"})
_TIMEOUT = httpx.Timeout(15, connect=5)

# What the server answers. A denial is known by its status: each of PostgREST's own codes for one
# (42501, PGRST301, 302, 303) has such a status, and the gateway before it answers without any code.
# Everything else is StateUnavailableError; some codes tell what an operator can do about it.
# https://docs.postgrest.org/en/stable/references/errors.html
_DENIED = frozenset({401, 403})
_NO_TABLE = "there is no such table; check STATE_TABLE, and that the API exposes its schema"
_NO_COLUMN = "the table needs the columns code, is_fetched and is_extracted"
_HINTS = {
    "42P01": _NO_TABLE,
    "PGRST205": _NO_TABLE,
    "42703": _NO_COLUMN,
    "PGRST204": _NO_COLUMN,
    "57014": "the query took too long; an index on the table helps, see scripts/schema.sql",
}


def build_postgrest_client(url: str, key: str) -> SyncPostgrestClient:
    """A client for the Supabase project at `url`. The umbrella package `supabase` would do the same
    after twice the import time.

    The client repeats GET and HEAD by itself when the connection fails, and no other method. That is
    wanted: a lost PATCH is a failed job, whose next delivery finds its manifest and only flips the row.
    """
    session = httpx.Client(timeout=_TIMEOUT, event_hooks={"response": [_raise_denied]})
    headers = {"apikey": key, "Authorization": f"Bearer {key}"}
    return SyncPostgrestClient(f"{url.rstrip('/')}/rest/v1", headers=headers, http_client=session)


class SupabaseStateStore:
    """See `extractor.ports.StateStore`. Safe to use from several threads."""

    def __init__(self, client: SyncPostgrestClient, table: str) -> None:
        self._client = client
        self._table = table
        self._known_columns: frozenset[str] | None = None

    def get(self, code: str) -> StateRow | None:
        query = self._client.table(self._table).select("code", "is_fetched", "is_extracted")
        rows = self._rows(query.eq("code", code).limit(1))
        return _state_row(rows[0]) if rows else None

    def mark_extracted(self, code: str, frame_count: int) -> None:
        now = datetime.now(UTC).isoformat()
        optional = {"frame_count": frame_count, "extracted_at": now, "extract_error": None}
        columns = self._optional_columns()
        changes = {"is_extracted": True, **{name: optional[name] for name in optional if name in columns}}
        changed = len(self._update(code, changes))
        if changed != 1:
            raise NotInStateError(
                f"{changed} rows were changed for the code {code!r}, not one: there is no such row, "
                "or row-level security hides it from SUPABASE_KEY"
            )

    def record_failure(self, code: str, reason: str, detail: str) -> None:
        if "extract_error" in self._optional_columns():
            # PostgreSQL stores no NUL, and JSON no half of a character pair.
            text = f"{reason}: {detail}".replace("\0", "?").encode(errors="replace").decode()
            self._update(code, {"extract_error": text})

    def pending(self, after: str | None, limit: int) -> Sequence[str]:
        query = self._only_pending(self._client.table(self._table).select("code"))
        if after is not None:
            query = query.gt("code", after)
        return [row["code"] for row in self._rows(query.order("code").limit(limit))]

    def count_pending(self) -> int:
        select = self._client.table(self._table).select("code", count=CountMethod.exact, head=True)
        count = self._execute(self._only_pending(select)).count
        if count is None:
            raise StateUnavailableError("the state store gives no count; check SUPABASE_URL")
        return count

    def _only_pending(self, query: SyncSelectRequestBuilder) -> SyncSelectRequestBuilder:
        query = query.is_("is_fetched", True).not_.is_("is_extracted", True)
        return query.is_("extract_error", None) if "extract_error" in self._optional_columns() else query

    def _update(self, code: str, changes: Mapping[str, object]) -> Sequence[Mapping[str, Any]]:
        """The rows that were changed: an update that matches none is no error to PostgREST."""
        return self._rows(self._client.table(self._table).update(changes).eq("code", code).select("code"))

    def _optional_columns(self) -> frozenset[str]:
        """Which optional columns there are, read once from any row.

        A row tells them all in one request. The errors for unknown columns would tell one at a time,
        and its name only in prose. Without a row there is nothing to use the columns for, yet.
        """
        if self._known_columns is None:
            rows = self._rows(self._client.table(self._table).select("*").limit(1))
            if not rows:
                return frozenset()
            self._known_columns = _OPTIONAL & rows[0].keys()
            if missing := sorted(_OPTIONAL - self._known_columns):
                logger.warning("the state table has no %s; that is not recorded", ", ".join(missing))
        return self._known_columns

    def _rows(self, query: SyncSelectRequestBuilder) -> Sequence[Mapping[str, Any]]:
        data: Any = self._execute(query).data
        if not isinstance(data, list):
            raise StateUnavailableError("the state store does not answer in JSON; check SUPABASE_URL")
        return data

    def _execute(self, query: SyncSelectRequestBuilder) -> APIResponse:
        with _translating():
            return query.execute()


def _state_row(row: Mapping[str, Any]) -> StateRow:
    return StateRow(row["code"], is_fetched=bool(row["is_fetched"]), is_extracted=bool(row["is_extracted"]))


def _raise_denied(response: httpx.Response) -> None:
    if response.status_code in _DENIED:
        response.raise_for_status()


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except (APIError, httpx.HTTPError) as error:
        raise _translate(error) from error


def _translate(error: APIError | httpx.HTTPError) -> ExtractorError:
    if isinstance(error, httpx.HTTPStatusError):
        return AccessDeniedError(
            f"the state store refuses the access ({error.response.status_code}): "
            "check SUPABASE_KEY, its role's grants, and row-level security"
        )
    if isinstance(error, APIError):
        hint = _HINTS.get(error.code or "", "try again later, and check SUPABASE_URL if it stays so")
        return StateUnavailableError(f"the state store answers with the error {error.code}: {hint}")
    return StateUnavailableError(
        f"the state store does not answer ({type(error).__name__}): check SUPABASE_URL and the network"
    )
