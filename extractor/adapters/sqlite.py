"""SQLite as a `StateStore`: one file, used by several threads and processes at once.

Each call has a connection of its own, so nothing is shared between threads. The table is ours, with
every column, and is created when it is not there.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from extractor.errors import NotInStateError, StateUnavailableError
from extractor.models import StateRow

_BUSY_SECONDS = 30

_SCHEMA = """
CREATE TABLE IF NOT EXISTS {table} (
    code TEXT PRIMARY KEY,
    is_fetched INTEGER NOT NULL DEFAULT 0,
    is_extracted INTEGER NOT NULL DEFAULT 0,
    extract_error TEXT,
    frame_count INTEGER,
    extracted_at TEXT,
    enqueued_at TEXT
)"""
_ADD = """
INSERT INTO {table} (code, is_fetched) VALUES (?, ?)
ON CONFLICT (code) DO UPDATE SET is_fetched = excluded.is_fetched"""
_GET = "SELECT code, is_fetched, is_extracted FROM {table} WHERE code = ?"
_MARK = """
UPDATE {table} SET is_extracted = 1, frame_count = ?, extracted_at = ?, extract_error = NULL
WHERE code = ?"""
_RECORD = "UPDATE {table} SET extract_error = ? WHERE code = ?"
_PENDING = "FROM {table} WHERE is_fetched AND NOT is_extracted AND extract_error IS NULL"
_PAGE = f"SELECT code {_PENDING} AND (?1 IS NULL OR code > ?1) ORDER BY code LIMIT ?2"
_COUNT = f"SELECT count(*) {_PENDING}"


class SqliteStateStore:
    """See `extractor.ports.StateStore`."""

    def __init__(self, path: Path, table: str) -> None:
        self._path = path
        self._table = '"' + table.replace('"', '""') + '"'
        with self._connection() as connection:
            # Readers do not wait for a writer then. The mode is a property of the file, and stays.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(self._sql(_SCHEMA))

    def add(self, code: str, *, is_fetched: bool) -> None:
        """Add the row of a video, or change its `is_fetched`."""
        with self._connection() as connection:
            connection.execute(self._sql(_ADD), (code, is_fetched))

    def get(self, code: str) -> StateRow | None:
        with self._connection() as connection:
            row = connection.execute(self._sql(_GET), (code,)).fetchone()
        return StateRow(row[0], is_fetched=bool(row[1]), is_extracted=bool(row[2])) if row else None

    def mark_extracted(self, code: str, frame_count: int) -> None:
        now = datetime.now(UTC).isoformat()
        with self._connection() as connection:
            changed = connection.execute(self._sql(_MARK), (frame_count, now, code)).rowcount
        if changed != 1:
            raise NotInStateError(f"{changed} rows have the code {code!r}; exactly one must")

    def record_failure(self, code: str, reason: str, detail: str) -> None:
        # A damaged file can put half of a character pair into an error text; SQLite takes no such text.
        text = f"{reason}: {detail}".encode(errors="replace").decode()
        with self._connection() as connection:
            connection.execute(self._sql(_RECORD), (text, code))

    def pending(self, after: str | None, limit: int) -> Sequence[str]:
        with self._connection() as connection:
            return [code for (code,) in connection.execute(self._sql(_PAGE), (after, limit))]

    def count_pending(self) -> int:
        with self._connection() as connection:
            count: int = connection.execute(self._sql(_COUNT)).fetchone()[0]
        return count

    def _sql(self, statement: str) -> str:
        return statement.format(table=self._table)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """One transaction."""
        try:
            with closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS)) as connection, connection:
                yield connection
        except sqlite3.DatabaseError as error:
            cause = getattr(error, "sqlite_errorname", type(error).__name__)
            raise StateUnavailableError(
                f"the SQLite file {str(self._path)!r} cannot be used ({cause}): "
                "check SQLITE_PATH, the disk and other programs that use the file"
            ) from error
