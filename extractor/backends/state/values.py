"""Values as state stores write and read them. Pure: no I/O."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from extractor.backends.state.base import InventoryRow
from extractor.domain.jobs import ExtractionSummary
from extractor.errors import SettingsError, StateUnavailableError

# The values of a video before its first attempt.
RESET_VALUES: Mapping[str, object] = {
    "is_extracted": False,
    "extract_error": None,
    "frame_count": None,
    "extracted_at": None,
    "enqueued_at": None,
}

_FLAGS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False, "none": False}


def success(extraction: ExtractionSummary) -> Mapping[str, object]:
    """Return the fields of a video whose frames were just stored."""
    return {
        "is_extracted": True,
        "extract_error": None,
        "frame_count": extraction.frame_count,
        "extracted_at": time_text(datetime.now(UTC)),
    }


def failure_text(reason: str, detail: str) -> str:
    """Return ``REASON: detail``.

    The error text of a damaged file may contain lone surrogates or NUL, which no store accepts; they are
    replaced.
    """
    return f"{reason}: {detail}".replace("\0", "?").encode(errors="replace").decode()


def time_text(moment: datetime) -> str:
    """Return ISO 8601 in UTC. `moment` must have a time zone."""
    return moment.astimezone(UTC).isoformat()


def read_time(text: object) -> datetime | None:
    """Parse a time, in UTC if it has no time zone; return ``None`` if that is impossible."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def flag(value: object, field: str) -> bool:
    """Parse a flag: true, false, 0, 1, or null, which counts as false.

    Raises:
        SettingsError: The value is none of these.
    """
    meaning = _FLAGS.get(str(value).strip().lower())
    if meaning is None:
        raise SettingsError(
            f"STATE_COLUMNS: the column for {field} has the value {str(value)[:40]!r}, "
            "which is neither true nor false"
        )
    return meaning


def next_page(codes: Sequence[object], after: str | None) -> list[str]:
    """Return the codes of a page as text, whatever the type of their column.

    Raises:
        StateUnavailableError: The page contains the code `after`, so that reading would never end.
    """
    texts = [str(code) for code in codes]
    if after is not None and after in texts:
        raise StateUnavailableError(
            f"the pages of the state table do not advance: the page after the code {after!r} has it again"
        )
    return texts


def inventory_row(values: Mapping[str, Any]) -> InventoryRow:
    """Build a row from values by field; optional fields may be missing."""
    return InventoryRow(
        code=str(values["code"]),
        is_fetched=flag(values["is_fetched"], "is_fetched"),
        is_extracted=flag(values["is_extracted"], "is_extracted"),
        extract_error=values.get("extract_error"),
        frame_count=values.get("frame_count"),
        extracted_at=read_time(values.get("extracted_at")),
        enqueued_at=read_time(values.get("enqueued_at")),
    )
