"""A SQLite file as a ledger needs it: written in transactions, read in pages, and shared by threads."""

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
    """`path` of ``None`` is a file that goes with the process. Raises `UsageError` if something else is at
    `path`; later on `StorageUnavailableError`."""

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
        with self._lock, _mapping_errors():
            return self._connection.execute(query, values).fetchall()

    def pages(self, query: str, *, key: int, more: tuple[object, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """All rows of a query by keyset; `key` is the place of its column in a row."""
        after = ""
        while page := self.all(query, (after, *more, _PAGE)):
            yield from page
            after = page[-1][key]

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All of what is written within is kept, or nothing."""
        with self._lock, _mapping_errors(), self._connection:
            yield self._connection


def insert(connection: sqlite3.Connection, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Put whole rows in place of those with the same key."""
    values = list(rows)
    if values:
        marks = ", ".join("?" for _ in values[0])
        connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", values)


@contextmanager
def _mapping_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StorageUnavailableError(f"what was read cannot be kept ({error}): check the disk") from error
