"""Column names of a state table, and which optional columns it has. Pure: no I/O."""

import re
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import fields

from extractor.backends.state.base import BacklogFilter
from extractor.errors import SettingsError

_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")

REQUIRED = ("code", "is_fetched", "is_extracted")
WRITABLE = ("extract_error", "frame_count", "extracted_at", "enqueued_at")
OPTIONAL: tuple[str, ...] = (*WRITABLE, "fetched_at")


class Columns(Struct, frozen=True):
    """The table's name for each field. Only the first three columns are required."""

    code: str = "code"
    is_fetched: str = "is_fetched"
    is_extracted: str = "is_extracted"
    extract_error: str = "extract_error"
    frame_count: str = "frame_count"
    extracted_at: str = "extracted_at"
    enqueued_at: str = "enqueued_at"
    fetched_at: str = "fetched_at"

    def name(self, field: str) -> str:
        """Return the column of a field."""
        return str(getattr(self, field))


STANDARD = Columns()
_FIELDS = tuple(field.name for field in fields(Columns))


def parse_columns(text: str) -> Columns:
    """Parse column names such as ``is_fetched=is_downloaded,frame_count=frames``.

    Fields that are not named keep their standard column.

    Raises:
        ValueError: The text is invalid; the message says what is wrong.
    """
    names: dict[str, str] = {}
    for pair in filter(None, map(str.strip, text.split(","))):
        field, _, name = map(str.strip, pair.partition("="))
        if field not in _FIELDS:
            raise ValueError(f"{pair!r}: must be NAME=COLUMN, NAME being one of {', '.join(_FIELDS)}")
        if not _NAME.fullmatch(name):
            raise ValueError(f"{pair!r}: a column's name has letters, digits and underscores only")
        if field in names:
            raise ValueError(f"{pair!r}: {field} has a column already")
        names[field] = name
    columns = Columns(**names)
    fields_of: dict[str, str] = {}
    for field in _FIELDS:
        other = fields_of.setdefault(columns.name(field), field)
        if other != field:
            raise ValueError(f"{other} and {field} cannot both be the column {columns.name(field)!r}")
    return columns


class TableColumns(Struct, frozen=True):
    """The columns of an existing table.

    Attributes:
        columns: The column of each field.
        present: The optional fields for which the table has a column.
    """

    columns: Columns
    present: frozenset[str]

    def has(self, field: str) -> bool:
        """Return whether the table has a column for the field."""
        return field in REQUIRED or field in self.present

    @property
    def missing(self) -> list[str]:
        """Missing columns that the worker or the enqueuer would write."""
        return [self.columns.name(field) for field in WRITABLE if field not in self.present]

    def changes(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return `values` keyed by column, without fields for which the table has no column."""
        return {self.columns.name(field): value for field, value in values.items() if self.has(field)}

    def check(self, backlog_filter: BacklogFilter) -> None:
        """Raise `SettingsError` if the filter needs a column that the table lacks."""
        asked = {
            "extract_error": backlog_filter.failed,
            "enqueued_at": backlog_filter.enqueued_before is not None,
            "fetched_at": backlog_filter.fetched_since is not None,
        }
        for field in asked:
            if asked[field] and not self.has(field):
                raise SettingsError(
                    f"STATE_COLUMNS: the state table has no column {self.columns.name(field)!r} for {field}"
                )
