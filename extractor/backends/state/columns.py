"""What the columns of a state table are called, and which of them there are. Pure."""

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
    """The table's own names for what the project knows by these. All but the first three are optional."""

    code: str = "code"
    is_fetched: str = "is_fetched"
    is_extracted: str = "is_extracted"
    extract_error: str = "extract_error"
    frame_count: str = "frame_count"
    extracted_at: str = "extracted_at"
    enqueued_at: str = "enqueued_at"
    fetched_at: str = "fetched_at"

    def name(self, field: str) -> str:
        """The column of a field of this class."""
        return str(getattr(self, field))


STANDARD = Columns()
_FIELDS = tuple(field.name for field in fields(Columns))


def parse_columns(text: str) -> Columns:
    """The columns that ``is_fetched=is_downloaded,frame_count=frames`` speaks of; the others keep their
    names. Raises `ValueError` that names what is wrong."""
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
    """A table's columns, and which of the optional ones it has (``present``, names of fields)."""

    columns: Columns
    present: frozenset[str]

    def has(self, field: str) -> bool:
        return field in REQUIRED or field in self.present

    @property
    def missing(self) -> list[str]:
        """Columns that would record something, and are not there."""
        return [self.columns.name(field) for field in WRITABLE if field not in self.present]

    def changes(self, values: Mapping[str, object]) -> dict[str, object]:
        """`values` of fields as values of columns, without those that the table has no column for."""
        return {self.columns.name(field): value for field, value in values.items() if self.has(field)}

    def check(self, backlog_filter: BacklogFilter) -> None:
        """Raises `SettingsError` if `pick` speaks of a column that is not there."""
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
