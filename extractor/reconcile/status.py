"""How far the work has come: rows by outcome, each row under exactly one."""

from collections import Counter
from collections.abc import Iterable, Iterator

from extractor.models import InventoryRow
from extractor.ports import Inventory

_PAGE = 1_000


def all_rows(inventory: Inventory) -> Iterator[InventoryRow]:
    """Every row, by keyset. Only an empty page is the end: servers cut pages short."""
    last = None
    while page := inventory.rows(last, _PAGE):
        yield from page
        last = page[-1].code


def outcome(row: InventoryRow) -> str:
    """``extracted``, ``failed: REASON``, ``not fetched``, ``enqueued`` or ``pending``."""
    if row.is_extracted:
        return "extracted"
    if row.extract_error is not None:
        return f"failed: {row.extract_error.partition(':')[0]}"
    if not row.is_fetched:
        return "not fetched"
    return "enqueued" if row.enqueued_at else "pending"


def count_outcomes(rows: Iterable[InventoryRow]) -> Counter[str]:
    """How many rows have which outcome."""
    return Counter(map(outcome, rows))
