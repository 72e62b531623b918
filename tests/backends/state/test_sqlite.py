"""What only SQLite does: one file for several processes and threads, and files that are none of its own."""

import multiprocessing
import sqlite3
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from extractor.backends.state.base import BacklogFilter, InventoryRow, StateRow
from extractor.backends.state.columns import Columns
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.domain.jobs import ExtractionSummary, VideoRef
from extractor.errors import SettingsError, StateUnavailableError

EXTRACTION = ExtractionSummary(17, "frames/a/", 3, 12.5, 375, 29.97)
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def _open_and_mark(path: Path, code: str) -> None:
    SqliteStateStore(path, "videos").add(code, is_fetched=True)
    SqliteStateStore(path, "videos").mark_extracted(VideoRef(code), EXTRACTION)


def test_several_processes_open_and_write_at_once(tmp_path: Path) -> None:
    codes = [f"code{number}" for number in range(40)]
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_open_and_mark, [tmp_path / "state.sqlite"] * len(codes), codes))
    store = SqliteStateStore(tmp_path / "state.sqlite", "videos")
    assert [row.code for row in store.rows(None, 100) if row.is_extracted] == sorted(codes)


def test_one_store_serves_several_threads(tmp_path: Path) -> None:
    store = SqliteStateStore(tmp_path / "state.sqlite", "videos")
    codes = [f"code{number}" for number in range(40)]
    for code in codes:
        store.add(code, is_fetched=True)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda code: store.mark_extracted(VideoRef(code), EXTRACTION), codes))
    assert store.count_pending(BacklogFilter()) == 0


def test_adding_a_row_again_changes_only_whether_it_is_fetched(tmp_path: Path) -> None:
    store = SqliteStateStore(tmp_path / "state.sqlite", "videos")
    store.add("a", is_fetched=False)
    store.mark_extracted(VideoRef("a"), EXTRACTION)
    store.add("a", is_fetched=True)
    assert store.begin(VideoRef("a"), 1) == StateRow("a", is_fetched=True, is_extracted=True)


def test_what_is_added_as_fetched_is_fetched_now(tmp_path: Path) -> None:
    store = SqliteStateStore(tmp_path / "state.sqlite", "videos")
    store.add("a", is_fetched=True)
    store.add("b", is_fetched=False)
    assert store.pending(None, 10, BacklogFilter(fetched_since=NOON.replace(year=2020))) == ["a"]


def test_a_table_may_have_any_name(tmp_path: Path) -> None:
    store = SqliteStateStore(tmp_path / "state.sqlite", 'order "by"; --')
    store.add("a", is_fetched=True)
    assert store.pending(None, 10, BacklogFilter()) == ["a"]


def run(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement).fetchall()


@pytest.mark.failure_row(40)
def test_three_columns_are_enough(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    run(path, "CREATE TABLE videos (code, is_fetched, is_extracted)")
    run(path, "INSERT INTO videos VALUES ('a', 1, NULL), ('b', 1, 0), ('c', NULL, NULL)")
    store = SqliteStateStore(path, "videos")
    assert store.count_pending(BacklogFilter()) == 2
    store.record_failure(VideoRef("a"), "UNREADABLE", "any")
    store.mark_enqueued(["a"], NOON)
    store.mark_extracted(VideoRef("b"), EXTRACTION)
    assert store.pending(None, 10, BacklogFilter()) == ["a"]
    assert store.begin(VideoRef("c"), 1) == StateRow("c", is_fetched=False, is_extracted=False)
    assert store.rows("a", 1) == [InventoryRow("b", True, True)]
    for pick in (
        BacklogFilter(failed=True),
        BacklogFilter(enqueued_before=NOON),
        BacklogFilter(fetched_since=NOON),
    ):
        with pytest.raises(SettingsError, match="STATE_COLUMNS"):
            store.pending(None, 10, pick)


def test_columns_may_have_other_names_even_reserved_ones(tmp_path: Path) -> None:
    columns = Columns(code="index", is_fetched="is_downloaded", frame_count="order")
    store = SqliteStateStore(tmp_path / "state.sqlite", "videos", columns)
    store.add("a", is_fetched=True)
    assert store.pending(None, 10, BacklogFilter()) == ["a"]
    store.mark_extracted(VideoRef("a"), EXTRACTION)
    found = run(tmp_path / "state.sqlite", 'SELECT "index", is_downloaded, "order" FROM videos')
    assert found == [("a", 1, 17)]


def test_a_table_without_the_columns_that_are_needed_is_refused_at_once(tmp_path: Path) -> None:
    run(tmp_path / "state.sqlite", "CREATE TABLE videos (code TEXT, is_extracted INTEGER)")
    with pytest.raises(SettingsError, match=r"STATE_COLUMNS.*is_fetched"):
        SqliteStateStore(tmp_path / "state.sqlite", "videos")


def test_nothing_is_made_unless_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "state%20?mode=rwc#é.sqlite"
    for wrong in (path, tmp_path, tmp_path / "missing" / "state.sqlite", tmp_path / "a\0b"):
        with pytest.raises(SettingsError, match="SQLITE_PATH"):
            SqliteStateStore(wrong, "videos", create=False)
    assert list(tmp_path.iterdir()) == []
    SqliteStateStore(path, "other")
    with pytest.raises(SettingsError, match=r"STATE_TABLE.*no table 'videos'"):
        SqliteStateStore(path, "videos", create=False)
    assert run(path, "SELECT name FROM sqlite_master WHERE type = 'table'") == [("other",)]


def test_a_database_that_goes_while_it_is_used_does_not_come_back_empty(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    SqliteStateStore(path, "videos").add("a", is_fetched=True)
    store = SqliteStateStore(path, "videos", create=False)
    assert store.pending(None, 10, BacklogFilter()) == ["a"]
    path.unlink()
    with pytest.raises(StateUnavailableError, match="SQLITE_PATH"):
        store.pending(None, 10, BacklogFilter())
    assert not path.exists()


def test_a_file_that_is_no_database_is_a_state_that_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all, but some text that is long enough to tell\n" * 20)
    for path in (tmp_path, tmp_path / "text", tmp_path / "missing" / "state.sqlite"):
        with pytest.raises(StateUnavailableError):
            SqliteStateStore(path, "videos")
