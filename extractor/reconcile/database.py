"""SQLite file of a snapshot: transactions, keyset pagination and a lock for threads."""

# ruff: noqa: S608 - the names of tables are those of the schema
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from extractor.errors import StorageUnavailableError, UsageError

_PAGE = 1_000


class Database:
    """A SQLite database that threads share.

    Args:
        path: The file; ``None`` for a temporary one that is deleted with the process.
        schema: The statements that create missing tables.

    Raises:
        UsageError: The file is not a usable database.
    """

    def __init__(self, path: Path | None, schema: str) -> None:
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(path or "", check_same_thread=False)
            self._connection.executescript(schema)
        except sqlite3.DatabaseError as error:
            raise UsageError(f"--checkpoint: {str(path)!r} cannot be used: {error}") from error

    def close(self) -> None:
        self._connection.close()

    def all(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query.

        Raises:
            StorageUnavailableError: The database fails.
        """
        with self._lock, _mapping_errors():
            return self._connection.execute(query, values).fetchall()

    def pages(self, query: str, *, key: int, more: tuple[object, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query with keyset pagination; `key` is the index of the key column."""
        after = ""
        while page := self.all(query, (after, *more, _PAGE)):
            yield from page
            after = page[-1][key]

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Run the block in one transaction."""
        with self._lock, _mapping_errors(), self._connection:
            yield self._connection


def insert(connection: sqlite3.Connection, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Insert rows; rows with the same primary key are replaced."""
    values = list(rows)
    if values:
        marks = ", ".join("?" for _ in values[0])
        connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", values)


@contextmanager
def _mapping_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StorageUnavailableError(f"the scan cannot be stored ({error}): check the disk") from error
