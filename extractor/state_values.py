"""What is written to a state and read from it, whatever store keeps it. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from extractor.models import Extraction, InventoryRow

# A video as if it had never been tried.
UNTRIED: Mapping[str, object] = {
    "is_extracted": False,
    "extract_error": None,
    "frame_count": None,
    "extracted_at": None,
    "enqueued_at": None,
}


def success(extraction: Extraction) -> Mapping[str, object]:
    """The fields of a video that is extracted just now."""
    return {
        "is_extracted": True,
        "extract_error": None,
        "frame_count": extraction.frame_count,
        "extracted_at": time_text(datetime.now(UTC)),
    }


def failure_text(reason: str, detail: str) -> str:
    """``REASON: detail``. A damaged file can put half of a character pair or a NUL into an error's
    text; no store takes those."""
    return f"{reason}: {detail}".replace("\0", "?").encode(errors="replace").decode()


def time_text(moment: datetime) -> str:
    """ISO 8601 in UTC. `moment` has a time zone."""
    return moment.astimezone(UTC).isoformat()


def read_time(text: object) -> datetime | None:
    """The moment, in UTC if it names no time zone; `None` if that cannot be read."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def inventory_row(values: Mapping[str, Any]) -> InventoryRow:
    """The row with these values of fields; an optional one may be missing."""
    return InventoryRow(
        code=values["code"],
        is_fetched=bool(values["is_fetched"]),
        is_extracted=bool(values["is_extracted"]),
        extract_error=values.get("extract_error"),
        frame_count=values.get("frame_count"),
        extracted_at=read_time(values.get("extracted_at")),
        enqueued_at=read_time(values.get("enqueued_at")),
    )
