"""What only SQLite does: one file for several processes and threads, and files that are none of its own."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from extractor.adapters.sqlite import SqliteStateStore
from extractor.errors import StateUnavailableError


def _open_and_mark(path: Path, code: str) -> None:
    SqliteStateStore(path, "videos").add(code, is_fetched=True)
    SqliteStateStore(path, "videos").mark_extracted(code, 1)


def test_several_processes_open_and_write_at_once(tmp_path: Path) -> None:
    codes = [f"code{number}" for number in range(40)]
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_open_and_mark, [tmp_path / "state.sqlite"] * len(codes), codes))
    store = SqliteStateStore(tmp_path / "state.sqlite", "videos")
    rows = [store.get(code) for code in codes]
    assert all(row is not None and row.is_extracted for row in rows)


def test_one_store_serves_several_threads(tmp_path: Path) -> None:
    store = SqliteStateStore(tmp_path / "state.sqlite", "videos")
    codes = [f"code{number}" for number in range(40)]
    for code in codes:
        store.add(code, is_fetched=True)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda code: store.mark_extracted(code, 1), codes))
    assert store.count_pending() == 0


def test_adding_a_row_again_changes_only_whether_it_is_fetched(tmp_path: Path) -> None:
    store = SqliteStateStore(tmp_path / "state.sqlite", "videos")
    store.add("a", is_fetched=False)
    store.mark_extracted("a", 1)
    store.add("a", is_fetched=True)
    row = store.get("a")
    assert row is not None
    assert (row.is_fetched, row.is_extracted) == (True, True)


def test_a_table_may_have_any_name(tmp_path: Path) -> None:
    store = SqliteStateStore(tmp_path / "state.sqlite", 'order "by"; --')
    store.add("a", is_fetched=True)
    assert store.pending(None, 10) == ["a"]


def test_a_file_that_is_no_database_is_a_state_that_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all, but some text that is long enough to tell\n" * 20)
    for path in (tmp_path, tmp_path / "text", tmp_path / "missing" / "state.sqlite"):
        with pytest.raises(StateUnavailableError):
            SqliteStateStore(path, "videos")
