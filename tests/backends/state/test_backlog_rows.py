"""One contract for every state in a table: pending is what was not done, and each row is seen once."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from extractor.backends.state.base import BacklogFilter, InventoryRow
from extractor.domain.jobs import ExtractionSummary, VideoRef
from tests.backends.state.tables import Table

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
EXTRACTION = ExtractionSummary(17, "frames/a/", 3, 12.5, 375, 29.97)
ODD_CODES = ["a,b", "a.b", 'a"b', "a'b", "a b", "a%b", "a+b&c=d", "(a)", "a\\b", "null", "eq.a", "*", "ü日"]
ANY = BacklogFilter()
T = TypeVar("T")


def pages(read: Callable[[str | None], Sequence[T]], code: Callable[[T], str]) -> Iterator[Sequence[T]]:
    """All pages up to the empty one."""
    after = None
    while page := read(after):
        yield page
        after = code(page[-1])


def pending(table: Table, pick: BacklogFilter = ANY) -> list[str]:
    found = list(table.store.pending(None, 100, pick))
    assert table.store.count_pending(pick) == len(found)
    return found


def mark(table: Table, code: str) -> None:
    table.store.mark_extracted(VideoRef(code), EXTRACTION)


def test_only_what_is_fetched_and_not_extracted_is_pending(table: Table) -> None:
    table.insert("done", is_extracted=True)
    table.insert("fetched")
    table.insert("waiting", is_fetched=False)
    assert pending(table) == ["fetched"]
    mark(table, "fetched")
    assert pending(table) == []


def test_nothing_is_pending_where_all_is_done(table: Table) -> None:
    table.insert("done", is_extracted=True)
    assert pending(table) == []
    assert pending(table, BacklogFilter(failed=True)) == []


def test_what_failed_is_pending_only_for_those_who_ask_for_it(table: Table) -> None:
    for code in ("a", "b", "c"):
        table.insert(code)
    table.insert("gone", is_fetched=False, extract_error="VIDEO_MISSING: any")
    table.store.record_failure(VideoRef("b"), "UNREADABLE", "any")
    assert pending(table) == ["a", "c"]
    assert pending(table, BacklogFilter(failed=True)) == ["b"]
    rows = table.store.failed_rows(None, 10)
    assert [(row.code, row.extract_error) for row in rows] == [("b", "UNREADABLE: any")]
    assert table.store.failed_rows("b", 10) == []
    mark(table, "b")
    assert pending(table, BacklogFilter(failed=True)) == []


@pytest.mark.failure_row(45)
def test_what_was_enqueued_lately_can_be_left_out(table: Table) -> None:
    for code in ("early", "late", "never"):
        table.insert(code)
    table.store.mark_enqueued(["early"], NOON - SECOND)
    table.store.mark_enqueued(["late"], NOON)
    assert pending(table, BacklogFilter(enqueued_before=NOON)) == ["early", "never"]
    assert pending(table) == ["early", "late", "never"]


def test_a_moment_is_the_same_in_every_time_zone(table: Table) -> None:
    table.insert("a", enqueued_at="2026-07-01T13:59:59+02:00", fetched_at="2026-07-01 14:00:00+02:00")
    assert pending(table, BacklogFilter(enqueued_before=NOON, fetched_since=NOON)) == ["a"]
    assert pending(table, BacklogFilter(enqueued_before=NOON - SECOND)) == []
    assert pending(table, BacklogFilter(fetched_since=NOON + SECOND)) == []


def test_what_was_fetched_long_ago_can_be_left_out(table: Table) -> None:
    table.insert("old", fetched_at=(NOON - SECOND).isoformat())
    table.insert("new", fetched_at=NOON.isoformat())
    table.insert("unknown")
    assert pending(table, BacklogFilter(fetched_since=NOON)) == ["new"]


@pytest.mark.failure_row(45)
def test_many_codes_are_noted_as_enqueued_and_no_others(table: Table) -> None:
    codes = [f"code{number:04d}-{'x' * 180}" for number in range(60)]
    for code in [*codes, "other"]:
        table.insert(code)
    table.store.mark_enqueued([*codes, "unknown"], NOON)
    assert pending(table, BacklogFilter(enqueued_before=NOON)) == ["other"]
    table.store.mark_enqueued([], NOON)


@pytest.mark.failure_row(44)
def test_pages_end_with_an_empty_one_and_hold_each_code_once(table: Table) -> None:
    codes = [f"code{number}" for number in range(7)]
    for code in reversed(codes):
        table.insert(code)
    found = pages(lambda after: table.store.pending(after, 3, ANY), str)
    assert [list(page) for page in found] == [codes[:3], codes[3:6], codes[6:]]
    seen = pages(lambda after: table.store.rows(after, 3), lambda row: row.code)
    assert [[row.code for row in page] for page in seen] == [codes[:3], codes[3:6], codes[6:]]


@pytest.mark.failure_row(44)
def test_a_page_follows_its_last_code_even_if_that_row_is_gone_from_the_set(table: Table) -> None:
    for code in "abcd":
        table.insert(code)
    for code in table.store.pending(None, 2, ANY):
        mark(table, code)
    assert table.store.pending("b", 2, ANY) == ["c", "d"]


def test_a_row_is_told_in_full(table: Table) -> None:
    table.insert("bare", is_fetched=False)
    table.insert("done")
    table.insert("failed")
    table.store.mark_enqueued(["done"], NOON)
    before = datetime.now(UTC)
    mark(table, "done")
    table.store.record_failure(VideoRef("failed"), "UNREADABLE", "any")
    bare, done, failed = table.store.rows(None, 10)
    assert bare == InventoryRow("bare", is_fetched=False, is_extracted=False)
    assert failed == InventoryRow("failed", True, False, extract_error="UNREADABLE: any")
    assert (done.is_extracted, done.frame_count, done.enqueued_at) == (True, 17, NOON)
    assert done.extracted_at is not None
    assert before <= done.extracted_at <= datetime.now(UTC)


def test_a_reset_video_is_as_if_it_had_never_been_tried(table: Table) -> None:
    for code in ("done", "failed", "other"):
        table.insert(code)
    table.store.mark_enqueued(["done", "failed", "other"], NOON)
    mark(table, "done")
    mark(table, "other")
    table.store.record_failure(VideoRef("failed"), "UNREADABLE", "any")
    assert table.store.reset(["done", "failed", "unknown"]) == 2
    untried = [InventoryRow(code, is_fetched=True, is_extracted=False) for code in ("done", "failed")]
    assert list(table.store.rows(None, 2)) == untried
    assert pending(table) == ["done", "failed"]


def test_a_code_means_itself(table: Table) -> None:
    for code in ODD_CODES:
        table.insert(code)
    found = pages(lambda after: table.store.pending(after, 1, ANY), str)
    assert sorted(code for page in found for code in page) == sorted(ODD_CODES)
    table.store.mark_enqueued(ODD_CODES, NOON)
    assert pending(table, BacklogFilter(enqueued_before=NOON)) == []
    for code in ODD_CODES:
        mark(table, code)
    assert pending(table) == []
    assert table.store.reset(ODD_CODES) == len(ODD_CODES)
    assert sorted(pending(table)) == sorted(ODD_CODES)
