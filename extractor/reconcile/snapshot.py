"""The results of a scan, in a SQLite file, so that memory use does not depend on the size of the bucket.

A file with a name is a checkpoint from which an interrupted scan resumes: complete parts are marked in the
transaction that stores them. Thread-safe.
"""

# ruff: noqa: S608 - the names of tables and columns are those of this file
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import astuple, fields

from extractor.backends.state.base import InventoryRow
from extractor.backends.state.values import inventory_row, time_text
from extractor.backends.storage.base import StoredObject
from extractor.reconcile.database import Database, insert
from extractor.reconcile.key_ranges import KeyRange
from extractor.reconcile.observations import FolderObservation, FolderState, VideoObject, written_at

_ROW_FIELDS = tuple(field.name for field in fields(InventoryRow))
_FOLDER_FIELDS = tuple(field.name for field in fields(FolderState))
_VIDEO_FIELDS = tuple(field.name for field in fields(VideoObject))

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS shard (scan, after, until, done, PRIMARY KEY (scan, after));
CREATE TABLE IF NOT EXISTS row ({", ".join(_ROW_FIELDS)}, PRIMARY KEY (code)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS folder ({", ".join(_FOLDER_FIELDS)}, PRIMARY KEY (prefix)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS video ({", ".join(_VIDEO_FIELDS)}, PRIMARY KEY (bucket, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fragment (key PRIMARY KEY, size_bytes, etag, modified) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS folder_code ON folder (code);
CREATE INDEX IF NOT EXISTS video_code ON video (code);
"""


class Snapshot:
    """The results of a scan.

    Args:
        path: The file; ``None`` for a temporary one that is deleted with the process.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._db = Database(path, _SCHEMA)

    def close(self, *, keep: bool) -> None:
        """Close the file, and remove it unless `keep` is set."""
        self._db.close()
        if self._path is not None and not keep:
            self._path.unlink()

    def remember_once(self, name: str, value: str) -> str:
        """Store a value under a name unless there is one; return the stored value."""
        with self._db.writing() as connection:
            connection.execute("INSERT OR IGNORE INTO note VALUES (?, ?)", (name, value))
            return str(connection.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()[0])

    @property
    def begun(self) -> datetime | None:
        """When the scan started."""
        noted = self._noted("begun")
        return datetime.fromisoformat(noted) if noted else None

    # The table of the state

    def add_rows(self, rows: Sequence[InventoryRow]) -> None:
        """Store a page of rows; an empty page marks the table as complete."""
        name, value = ("last row", rows[-1].code) if rows else ("rows", "complete")
        with self._db.writing() as connection:
            insert(connection, "row", map(_row_values, rows))
            connection.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (name, value))

    @property
    def rows_complete(self) -> bool:
        return self._noted("rows") is not None

    @property
    def last_code(self) -> str | None:
        """The last code of the latest page; ``None`` before the first page."""
        return self._noted("last row")

    def _noted(self, name: str) -> str | None:
        found = self._db.all("SELECT value FROM note WHERE name = ?", (name,))
        return found[0][0] if found else None

    def some_codes(self, count: int) -> list[str]:
        """Return about `count` codes, evenly distributed."""
        step = self.count("row") // max(1, count) + 1
        found = self._db.all(
            "SELECT code FROM (SELECT code, row_number() OVER (ORDER BY code) AS place FROM row) "
            "WHERE place % ? = 0",
            (step,),
        )
        return [code for (code,) in found]

    # Listings

    def add_key_ranges(self, scan: str, key_ranges: Sequence[KeyRange]) -> None:
        with self._db.writing() as connection:
            insert(
                connection, "shard", ((scan, key_range.after, key_range.until, 0) for key_range in key_ranges)
            )

    def key_ranges(self, scan: str) -> tuple[int, list[KeyRange]]:
        """Return the number of ranges of a scan, and those that are not listed yet."""
        found = self._db.all("SELECT after, until, done FROM shard WHERE scan = ? ORDER BY after", (scan,))
        return len(found), [KeyRange(after, until) for after, until, done in found if not done]

    def finish(self, scan: str, key_range: KeyRange) -> None:
        with self._db.writing() as connection:
            connection.execute(
                "UPDATE shard SET done = 1 WHERE scan = ? AND after = ?", (scan, key_range.after)
            )

    @property
    def complete(self) -> bool:
        """Whether the table and all ranges were read completely."""
        begun, left = self._db.all("SELECT count(*), coalesce(sum(NOT done), 0) FROM shard")[0]
        return self.rows_complete and begun > 0 and left == 0

    def add_fragments(self, entries: Iterable[StoredObject]) -> None:
        """Store objects of a folder that several ranges share."""
        rows = ((one.key, one.size_bytes, one.etag, written_at(one)) for one in entries)
        with self._db.writing() as connection:
            insert(connection, "fragment", rows)

    def fragments(self) -> Iterator[StoredObject]:
        """Yield these objects, in key order."""
        for key, size_bytes, etag, modified in self._db.pages(
            "SELECT * FROM fragment WHERE key > ? ORDER BY key LIMIT ?", key=0
        ):
            yield StoredObject(key, size_bytes, etag, datetime.fromtimestamp(modified, UTC))

    def add_folders(self, facts: Iterable[FolderState]) -> None:
        with self._db.writing() as connection:
            insert(connection, "folder", map(astuple, facts))

    def add_videos(self, facts: Iterable[VideoObject]) -> None:
        with self._db.writing() as connection:
            insert(connection, "video", map(astuple, facts))

    # Queries

    def count(self, table: str) -> int:
        return int(self._db.all(f"SELECT count(*) FROM {table}")[0][0])

    def source_buckets(self) -> list[str]:
        """Return the buckets that manifests name."""
        found = self._db.all(
            "SELECT DISTINCT source_bucket FROM folder WHERE source_bucket IS NOT NULL ORDER BY 1"
        )
        return [bucket for (bucket,) in found]

    def rows(self) -> Iterator[InventoryRow]:
        for values in self._db.pages("SELECT * FROM row WHERE code > ? ORDER BY code LIMIT ?", key=0):
            yield inventory_row(dict(zip(_ROW_FIELDS, values, strict=True)))

    def row(self, code: str) -> InventoryRow | None:
        found = self._db.all("SELECT * FROM row WHERE code = ?", (code,))
        return inventory_row(dict(zip(_ROW_FIELDS, found[0], strict=True))) if found else None

    def observation(self, code: str) -> list[FolderObservation]:
        """Return the folders of a video, ordered by prefix."""
        found = self._db.all(
            "SELECT folder.*, video.etag FROM folder LEFT JOIN video ON video.bucket = source_bucket "
            "AND video.key = source_key WHERE folder.code = ? ORDER BY prefix",
            (code,),
        )
        return [FolderObservation(FolderState(*values[:-1]), values[-1]) for values in found]

    def folders(self) -> Iterator[FolderState]:
        for values in self._db.pages("SELECT * FROM folder WHERE prefix > ? ORDER BY prefix LIMIT ?", key=0):
            yield FolderState(*values)

    def folders_without_row(self) -> Iterator[FolderState]:
        """Yield the folders with a known code that has no row."""
        for values in self._db.pages(
            "SELECT folder.* FROM folder LEFT JOIN row USING (code) WHERE prefix > ? AND code IS NOT NULL "
            "AND row.is_extracted IS NULL ORDER BY prefix LIMIT ?",
            key=0,
        ):
            yield FolderState(*values)

    def videos_without_row(self, bucket: str) -> Iterator[VideoObject]:
        """Yield the videos whose key matches a template and whose code has no row."""
        for values in self._db.pages(
            "SELECT video.* FROM video LEFT JOIN row USING (code) WHERE key > ? AND code IS NOT NULL "
            "AND row.is_extracted IS NULL AND bucket = ? ORDER BY key LIMIT ?",
            key=1,
            more=(bucket,),
        ):
            yield VideoObject(*values)

    def videos(self, code: str, bucket: str) -> list[VideoObject]:
        found = self._db.all("SELECT * FROM video WHERE code = ? AND bucket = ? ORDER BY key", (code, bucket))
        return [VideoObject(*values) for values in found]


def _row_values(row: InventoryRow) -> tuple[object, ...]:
    values = (getattr(row, name) for name in _ROW_FIELDS)
    return tuple(time_text(value) if isinstance(value, datetime) else value for value in values)
