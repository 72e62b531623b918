"""One contract for every state store: what is pending is what was not done, and each flip is certain."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from extractor.adapters.sqlite import SqliteStateStore
from extractor.adapters.supabase import SupabaseStateStore, build_postgrest_client
from extractor.errors import NotInStateError
from extractor.models import StateRow
from extractor.ports import StateStore

TABLE = "watched_content"
ODD_CODES = ["a,b", "a.b", 'a"b', "a'b", "a b", "a%b", "a+b&c=d", "(a)", "a\\b", "null", "eq.a", "*", "ü日"]


@dataclass(frozen=True, slots=True)
class Subject:
    """A store; how to add a row behind its back, and how to look at one."""

    store: StateStore
    add: Callable[..., None]
    row: Callable[[str], Mapping[str, Any]]


@pytest.fixture(params=["sqlite", "supabase"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    if request.param == "sqlite":
        yield _sqlite(tmp_path / "state.sqlite")
        return
    server = request.getfixturevalue("supabase")
    with build_postgrest_client(server.url, server.service_key) as client:

        def add(code: str, *, is_fetched: bool = True) -> None:
            client.table(TABLE).insert({"code": code, "is_fetched": is_fetched}).execute()

        def row(code: str) -> Mapping[str, Any]:
            found: Any = client.table(TABLE).select("*").eq("code", code).execute().data
            return dict(found[0])

        yield Subject(SupabaseStateStore(client, TABLE), add, row)


def _sqlite(path: Path) -> Subject:
    store = SqliteStateStore(path, TABLE)

    def add(code: str, *, is_fetched: bool = True) -> None:
        store.add(code, is_fetched=is_fetched)

    def row(code: str) -> Mapping[str, Any]:
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            return dict(connection.execute(f"SELECT * FROM {TABLE} WHERE code = ?", (code,)).fetchone())

    return Subject(store, add, row)


def pages(store: StateStore, limit: int) -> Iterator[list[str]]:
    """All pages up to the empty one."""
    after = None
    while page := list(store.pending(after, limit)):
        yield page
        after = page[-1]


def test_a_row_is_read_as_it_is(subject: Subject) -> None:
    subject.add("fetched")
    subject.add("waiting", is_fetched=False)
    assert subject.store.get("fetched") == StateRow("fetched", is_fetched=True, is_extracted=False)
    assert subject.store.get("waiting") == StateRow("waiting", is_fetched=False, is_extracted=False)
    assert subject.store.get("unknown") is None


def test_a_mark_is_there_with_its_count_and_time(subject: Subject) -> None:
    subject.add("a")
    subject.add("b")
    subject.store.mark_extracted("a", 17)
    assert subject.store.get("a") == StateRow("a", is_fetched=True, is_extracted=True)
    assert subject.row("a")["frame_count"] == 17
    assert subject.row("a")["extracted_at"].startswith("20")
    assert subject.store.get("b") == StateRow("b", is_fetched=True, is_extracted=False)


@pytest.mark.failure_row(41)
def test_a_mark_may_be_set_again(subject: Subject) -> None:
    subject.add("a")
    subject.store.mark_extracted("a", 17)
    subject.store.mark_extracted("a", 18)
    assert subject.row("a")["frame_count"] == 18


@pytest.mark.failure_row(37)
def test_a_mark_that_changes_no_row_is_an_error(subject: Subject) -> None:
    subject.add("a")
    with pytest.raises(NotInStateError):
        subject.store.mark_extracted("unknown", 17)
    assert subject.store.pending(None, 10) == ["a"]


def test_a_failure_is_noted_and_its_video_no_longer_pending(subject: Subject) -> None:
    subject.add("a")
    subject.add("b")
    subject.store.record_failure("a", "UNREADABLE", "moov atom not found")
    assert subject.row("a")["extract_error"] == "UNREADABLE: moov atom not found"
    assert subject.store.pending(None, 10) == ["b"]
    assert subject.store.count_pending() == 1


def test_success_clears_the_noted_failure(subject: Subject) -> None:
    subject.add("a")
    subject.store.record_failure("a", "TRUNCATED", "half of it")
    subject.store.mark_extracted("a", 17)
    assert subject.row("a")["extract_error"] is None


def test_a_failure_of_an_unknown_video_is_noted_nowhere(subject: Subject) -> None:
    subject.add("a")
    subject.store.record_failure("unknown", "UNREADABLE", "moov atom not found")
    assert subject.store.pending(None, 10) == ["a"]


def test_any_text_can_be_noted(subject: Subject) -> None:
    subject.add("a")
    subject.store.record_failure("a", "UNREADABLE", "\0 \x1b[31m \ud800 \"' ü")
    assert subject.row("a")["extract_error"].endswith("\"' ü")


def test_only_what_is_fetched_and_not_extracted_is_pending(subject: Subject) -> None:
    subject.add("done")
    subject.add("fetched")
    subject.add("waiting", is_fetched=False)
    subject.store.mark_extracted("done", 1)
    assert subject.store.pending(None, 10) == ["fetched"]
    assert subject.store.count_pending() == 1


def test_nothing_is_pending_in_an_empty_table(subject: Subject) -> None:
    assert list(subject.store.pending(None, 10)) == []
    assert subject.store.count_pending() == 0


@pytest.mark.failure_row(44)
def test_pages_end_with_an_empty_one_and_hold_each_code_once(subject: Subject) -> None:
    codes = [f"code{number}" for number in range(7)]
    for code in reversed(codes):
        subject.add(code)
    assert list(pages(subject.store, 3)) == [codes[:3], codes[3:6], codes[6:]]
    assert subject.store.count_pending() == 7


@pytest.mark.failure_row(44)
def test_a_page_follows_its_last_code_even_if_that_row_is_gone_from_the_set(subject: Subject) -> None:
    for code in "abcd":
        subject.add(code)
    for code in subject.store.pending(None, 2):
        subject.store.mark_extracted(code, 1)
    assert subject.store.pending("b", 2) == ["c", "d"]


def test_a_code_means_itself(subject: Subject) -> None:
    for code in ODD_CODES:
        subject.add(code)
    assert sorted(code for page in pages(subject.store, 1) for code in page) == sorted(ODD_CODES)
    for code in ODD_CODES:
        row = subject.store.get(code)
        assert row is not None
        assert row.code == code
        subject.store.mark_extracted(code, 1)
    assert subject.store.count_pending() == 0
