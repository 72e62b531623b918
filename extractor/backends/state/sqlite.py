"""A SQLite table as a state store: one file, shared by threads and processes.

Each call opens a connection of its own, so that threads share nothing. A table needs only the columns for
the code and the two flags; a table that this module creates has every column.
"""

# ruff: noqa: S608 - names are quoted, values are parameters
import logging
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from extractor.backends.state.base import BacklogFilter, InventoryRow, StateRow
from extractor.backends.state.columns import (
    OPTIONAL,
    REQUIRED,
    STANDARD,
    Columns,
    TableColumns,
    parse_columns,
)
from extractor.backends.state.values import (
    RESET_VALUES,
    failure_text,
    flag,
    inventory_row,
    next_page,
    success,
    time_text,
)
from extractor.domain.jobs import ExtractionSummary, VideoRef
from extractor.errors import DuplicateCodeError, NotInStateError, SettingsError, StateUnavailableError

logger = logging.getLogger(__name__)

_BUSY_SECONDS = 30
_HOW_TO_CREATE = "check the name, or make it with `python -m local.state`"

_TYPES = {
    "code": "TEXT PRIMARY KEY",
    "is_fetched": "INTEGER NOT NULL DEFAULT 0",
    "is_extracted": "INTEGER NOT NULL DEFAULT 0",
    "extract_error": "TEXT",
    "frame_count": "INTEGER",
    "extracted_at": "TEXT",
    "enqueued_at": "TEXT",
    "fetched_at": "TEXT",
}


class SqliteSettings(Protocol):
    """The settings that this store reads."""

    @property
    def sqlite_path(self) -> Path | None: ...
    @property
    def state_table(self) -> str: ...
    @property
    def state_columns(self) -> str: ...


def open_state(settings: SqliteSettings) -> "SqliteStateStore":
    """Open the existing table. See `extractor.backends.state.StateModule`."""
    if settings.sqlite_path is None:
        raise SettingsError("SQLITE_PATH: STATE_BACKEND=sqlite needs it")
    columns = parse_columns(settings.state_columns)
    return SqliteStateStore(settings.sqlite_path, settings.state_table, columns, create=False)


open_table = open_state


class RefusedValueError(StateUnavailableError):
    """A value violates a constraint of its column."""


class SqliteStateStore:
    """A SQLite table as an `extractor.backends.state.base.VideoTable`.

    Args:
        path: The database file.
        table: The name of the table.
        columns: The names of its columns.
        create: Create the file and the table if they do not exist.

    Raises:
        SettingsError: The file or the table does not exist, or a required column is missing.
        StateUnavailableError: The file cannot be used.
    """

    keyed_by_version = False

    def __init__(self, path: Path, table: str, columns: Columns = STANDARD, *, create: bool = True) -> None:
        self._path = path
        self._table = _quoted(table)
        self._columns = columns
        if not create:
            _check_file(path)
        with self._connection("rwc" if create else "rw") as connection:
            # With WAL, readers do not wait for a writer. The mode is stored in the file.
            connection.execute("PRAGMA journal_mode = WAL")
            if create:
                definitions = ", ".join(f"{self._name(field)} {_TYPES[field]}" for field in _TYPES)
                connection.execute(f"CREATE TABLE IF NOT EXISTS {self._table} ({definitions})")
            names = {row[1] for row in connection.execute(f"PRAGMA table_info({self._table})")}
        if not names:
            raise SettingsError(
                f"STATE_TABLE: the database {str(path)!r} has no table {table!r}; {_HOW_TO_CREATE}"
            )
        self._shape = _shape(self._columns, names)

    def add(self, code: str, *, is_fetched: bool) -> None:
        """Insert the row of a video, or update its `is_fetched`."""
        fetched_at = time_text(datetime.now(UTC)) if is_fetched else None
        values = self._shape.changes({"code": code, "is_fetched": is_fetched, "fetched_at": fetched_at})
        names = [_quoted(name) for name in values]
        marks = ", ".join("?" for _ in names)
        changes = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
        self._change(
            f"INSERT INTO {self._table} ({', '.join(names)}) VALUES ({marks}) "
            f"ON CONFLICT ({names[0]}) DO UPDATE SET {changes}",
            [tuple(values.values())],
        )

    def begin(self, subject: VideoRef, lease_seconds: float) -> StateRow | None:  # noqa: ARG002 - no claims
        rows = self._select(REQUIRED, f"{self._name('code')} = ? LIMIT 2", (subject.code,))
        if len(rows) > 1:
            raise DuplicateCodeError(f"more than one row has the code {subject.code!r}")
        for _, fetched, done in rows:
            return StateRow(subject.code, flag(fetched, "is_fetched"), flag(done, "is_extracted"))
        return None

    def release(self, subject: VideoRef) -> None:
        """Do nothing: this store has no claims."""

    def mark_extracted(self, subject: VideoRef, extraction: ExtractionSummary) -> None:
        code = self._name("code")
        is_alone = (
            f"(SELECT count(*) FROM {self._table} AS same WHERE same.{code} = {self._table}.{code}) = 1"
        )
        if self._update([subject.code], success(extraction), is_alone) != 1:
            if self._select(("code",), f"{code} = ?", (subject.code,)):
                raise DuplicateCodeError(f"more than one row has the code {subject.code!r}")
            raise NotInStateError(f"the state has no row for the code {subject.code!r} any more")

    def record_failure(self, subject: VideoRef, reason: str, detail: str) -> None:
        # Ignore the late failure of a duplicate message if the video is already extracted.
        condition = f"{self._name('is_extracted')} IS NOT TRUE"
        try:
            self._update([subject.code], {"extract_error": failure_text(reason, detail)}, condition)
        except RefusedValueError:  # such as CHECK (length(extract_error) <= 40)
            self._update([subject.code], {"extract_error": reason}, condition)

    def pending(self, after: str | None, limit: int, backlog_filter: BacklogFilter) -> Sequence[str]:
        condition, values = self._picked(backlog_filter)
        return [code for (code, *_) in self._page(("code",), after, limit, condition, values)]

    def count_pending(self, backlog_filter: BacklogFilter) -> int:
        condition, values = self._picked(backlog_filter)
        self._warn_of_rows_without_code()
        with self._connection() as connection:
            found = connection.execute(f"SELECT count(*) FROM {self._table} WHERE {condition}", values)
            return int(found.fetchone()[0])

    def _warn_of_rows_without_code(self) -> None:
        with self._connection() as connection:
            query = f"SELECT count(*) FROM {self._table} WHERE {self._name('code')} IS NULL"
            if number := connection.execute(query).fetchone()[0]:
                logger.warning("%d rows have no %s, and are passed over", number, self._columns.code)

    def mark_enqueued(self, codes: Sequence[str], moment: datetime) -> None:
        self._update(codes, {"enqueued_at": time_text(moment)})

    def rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        fields = [field for field in _TYPES if self._shape.has(field)]
        if after is None:
            self._warn_of_rows_without_code()
        found = self._page(fields, after, limit, "TRUE", ())
        return [inventory_row(dict(zip(fields, row, strict=True))) for row in found]

    def failed_rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        condition, values = self._picked(BacklogFilter(failed=True))
        fields = [*REQUIRED, "extract_error"]
        found = self._page(fields, after, limit, condition, values)
        return [inventory_row(dict(zip(fields, row, strict=True))) for row in found]

    def reset(self, codes: Sequence[str]) -> int:
        return self._update(codes, RESET_VALUES)

    def _picked(self, backlog_filter: BacklogFilter) -> tuple[str, list[object]]:
        """Return the WHERE condition of the filter, and its parameters. Unreadable times count as null."""
        self._shape.check(backlog_filter)
        conditions = [
            f"{self._name('code')} IS NOT NULL",
            f"{self._name('is_fetched')} IS TRUE",
            f"{self._name('is_extracted')} IS NOT TRUE",
        ]
        values: list[object] = []
        if self._shape.has("extract_error"):
            conditions.append(
                f"{self._name('extract_error')} IS {'NOT' if backlog_filter.failed else ''} NULL"
            )
        if backlog_filter.enqueued_before is not None:
            conditions.append(f"coalesce(julianday({self._name('enqueued_at')}), 0) < julianday(?)")
            values.append(time_text(backlog_filter.enqueued_before))
        if backlog_filter.fetched_since is not None:
            conditions.append(f"julianday({self._name('fetched_at')}) >= julianday(?)")
            values.append(time_text(backlog_filter.fetched_since))
        return " AND ".join(conditions), values

    def _page(
        self, fields: Iterable[str], after: str | None, limit: int, condition: str, values: Sequence[object]
    ) -> Sequence[tuple[Any, ...]]:
        code = self._name("code")
        if after is not None:
            condition, values = f"{condition} AND {code} > ?", [*values, after]
        condition = f"{condition} AND {code} IS NOT NULL ORDER BY {code} LIMIT ?"
        rows = self._select(fields, condition, [*values, limit])
        codes = next_page([row[0] for row in rows], after)  # the code is the first field
        return [(code, *row[1:]) for code, row in zip(codes, rows, strict=True)]

    def _select(
        self, fields: Iterable[str], condition: str, values: Sequence[object]
    ) -> Sequence[tuple[Any, ...]]:
        names = ", ".join(map(self._name, fields))
        with self._connection() as connection:
            statement = f"SELECT {names} FROM {self._table} WHERE {condition}"
            return connection.execute(statement, values).fetchall()

    def _update(self, codes: Sequence[str], values: Mapping[str, object], condition: str = "TRUE") -> int:
        """Update the columns that exist in the rows of `codes`; return the number of changed rows."""
        changes = self._shape.changes(values)
        if not (changes and codes):
            return 0
        assignments = ", ".join(f"{_quoted(name)} = ?" for name in changes)
        return self._change(
            f"UPDATE {self._table} SET {assignments} WHERE {self._name('code')} = ? AND {condition}",
            [(*changes.values(), code) for code in codes],
        )

    def _change(self, statement: str, rows: Sequence[tuple[object, ...]]) -> int:
        with self._connection() as connection:
            return connection.executemany(statement, rows).rowcount

    def _name(self, field: str) -> str:
        return _quoted(self._columns.name(field))

    @contextmanager
    def _connection(self, mode: Literal["rw", "rwc"] = "rw") -> Iterator[sqlite3.Connection]:
        """Open a connection with one transaction. Only the mode ``rwc`` creates a missing file."""
        address = f"{self._path.absolute().as_uri()}?mode={mode}"
        try:
            with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as connection, connection:
                yield connection
        except (sqlite3.IntegrityError, sqlite3.DataError) as error:
            raise RefusedValueError(
                f"the SQLite file {str(self._path)!r} refuses a value ({error}): "
                "check the constraints of the table"
            ) from error
        except sqlite3.DatabaseError as error:
            cause = getattr(error, "sqlite_errorname", type(error).__name__)
            raise StateUnavailableError(
                f"the SQLite file {str(self._path)!r} cannot be used ({cause}): "
                "check SQLITE_PATH, the disk and other programs that use the file"
            ) from error


def _check_file(path: Path) -> None:
    """Raise `SettingsError` if the file does not exist: SQLite would create an empty one."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(
            f"SQLITE_PATH: there is no database file {str(path)!r} ({reason}); {_HOW_TO_CREATE}"
        ) from error
    if not stat.S_ISREG(mode):
        raise SettingsError(f"SQLITE_PATH: {str(path)!r} is no file")


def _shape(columns: Columns, names: Set[str]) -> TableColumns:
    if missing := [columns.name(field) for field in REQUIRED if columns.name(field) not in names]:
        raise SettingsError(f"STATE_COLUMNS: the state table has no column {', '.join(missing)}")
    return TableColumns(columns, frozenset(field for field in OPTIONAL if columns.name(field) in names))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
