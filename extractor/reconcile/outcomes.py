"""Count rows by outcome; each row has exactly one."""

from collections import Counter
from collections.abc import Iterable, Iterator

from extractor.backends.state.base import InventoryRow, RowReader
from extractor.backends.state.keyset import Keyset

_PAGE = 1_000


def all_rows(inventory: RowReader) -> Iterator[InventoryRow]:
    """Yield every row. Only an empty page is the end, because servers shorten pages."""
    pages = Keyset()
    while page := inventory.rows(pages.after, _PAGE):
        pages.advance(page[-1].code)
        yield from page


def outcome(row: InventoryRow) -> str:
    """Return ``extracted``, ``failed: REASON``, ``not fetched``, ``enqueued`` or ``pending``."""
    if row.is_extracted:
        return "extracted"
    if reason := failure_reason(row):
        return f"failed: {reason}"
    if not row.is_fetched:
        return "not fetched"
    return "enqueued" if row.enqueued_at else "pending"


def failure_reason(row: InventoryRow) -> str | None:
    """Return the reason code of a final failure; ``None`` if there is none."""
    if row.is_extracted or row.extract_error is None:
        return None
    return row.extract_error.partition(":")[0] or "UNKNOWN"


def count_outcomes(rows: Iterable[InventoryRow]) -> Counter[str]:
    """Count rows by outcome."""
    return Counter(map(outcome, rows))
