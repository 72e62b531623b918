"""State tables behind the back of their stores: how to put rows in, and how to look at them."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from extractor.backends.state.columns import STANDARD, Columns
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.backends.state.supabase import SupabaseStateStore, build_postgrest_client
from extractor.domain.jobs import ExtractionSummary
from tests.support.servers.supabase import Supabase

NAME = "watched_content"
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
EXTRACTION = ExtractionSummary(17, "frames/a/", 3, 12.5, 375, 29.97)

_FLAGS = "is_fetched boolean, is_extracted boolean"
_BY_CODE = f"code text primary key, {_FLAGS}"
ODD_TABLES = {
    "keyed_by_id": f"id integer primary key, code text, {_FLAGS}",
    "without_a_key": f"code text, {_FLAGS}",
    "keyed_by_number": f"code bigint primary key, {_FLAGS}, enqueued_at timestamptz",
    "flagged_by_words": "code text primary key, is_fetched text, is_extracted text",
    # SQLite does not read a length out of a type.
    "short_errors": f"{_BY_CODE}, extract_error varchar(40) check (length(extract_error) < 41)",
    "checked_errors": f"{_BY_CODE}, extract_error text check (length(extract_error) < 41)",
    "few_frames": f"{_BY_CODE}, frame_count integer check (frame_count < 5)",
}
"""Tables as people have them, by name: their columns."""

Connect = Callable[..., SupabaseStateStore]
"""A store at a URL; takes the API key, the table, its columns, and a role's token."""


@dataclass(frozen=True, slots=True)
class Table:
    """`insert` takes a code and values of columns; a row is fetched unless it says otherwise."""

    store: SqliteStateStore | SupabaseStateStore
    insert: Callable[..., None]
    row: Callable[[str], Mapping[str, Any]]


def sqlite_table(path: Path) -> Table:
    store = SqliteStateStore(path, NAME)

    def insert(code: str, **values: object) -> None:
        row = {"code": code, "is_fetched": True, **values}
        with closing(sqlite3.connect(path)) as connection, connection:
            marks = ", ".join("?" for _ in row)
            connection.execute(f"INSERT INTO {NAME} ({', '.join(row)}) VALUES ({marks})", [*row.values()])

    def look(code: str) -> Mapping[str, Any]:
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            return dict(connection.execute(f"SELECT * FROM {NAME} WHERE code = ?", (code,)).fetchone())

    return Table(store, insert, look)


@contextmanager
def supabase_table(
    server: Supabase, name: str = NAME, columns: Columns = STANDARD, token: str | None = None
) -> Iterator[Table]:
    """The store has the rights of `token`, if there is one; who looks from behind has all."""
    key = server.anon_key if token else server.service_key
    with (
        build_postgrest_client(server.url, key, token) as client,
        build_postgrest_client(server.url, server.service_key) as admin,
    ):

        def insert(code: str, **values: Any) -> None:
            admin.table(name).insert({"code": code, columns.is_fetched: True, **values}).execute()

        def look(code: str) -> Mapping[str, Any]:
            found: Any = admin.table(name).select("*").eq("code", code).execute().data
            return dict(found[0])

        yield Table(SupabaseStateStore(client, name, columns), insert, look)
