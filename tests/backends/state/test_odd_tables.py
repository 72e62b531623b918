"""Tables as people have them: rows without a code, codes twice, numbers for codes, words for flags."""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from extractor.backends.state.base import BacklogFilter, StateRow
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.backends.state.supabase import SupabaseStateStore
from extractor.domain.jobs import VideoRef
from extractor.errors import (
    DuplicateCodeError,
    NotInStateError,
    SettingsError,
    StateUnavailableError,
)
from tests.backends.state.tables import EXTRACTION, NOON, ODD_TABLES, Connect
from tests.support.servers.http import Answer, serving
from tests.support.servers.supabase import Supabase

A = VideoRef("a")


@dataclass(frozen=True, slots=True)
class Odd:
    """One of the `ODD_TABLES`; `sql` looks at it from behind."""

    store: SqliteStateStore | SupabaseStateStore
    sql: Callable[[str], str]


Make = Callable[[str], Odd]


@pytest.fixture(params=["sqlite", "supabase"])
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes the table of this name, empty, in one of the stores."""

    def on_sqlite(name: str) -> Odd:
        path = tmp_path / "odd.sqlite"

        def sql(script: str) -> str:
            with closing(sqlite3.connect(path)) as connection, connection:
                return "\n".join("|".join(map(str, row)) for row in connection.execute(script))

        sql(f"create table {name} ({ODD_TABLES[name]})")
        return Odd(SqliteStateStore(path, name), sql)

    def on_supabase(name: str) -> Odd:
        server: Supabase = request.getfixturevalue("supabase")
        connect: Connect = request.getfixturevalue("connect")
        server.database.sql(f"truncate {name}")
        store = connect(server.url, server.service_key, name)
        return Odd(store, lambda script: server.database.sql(script).strip())

    return on_sqlite if request.param == "sqlite" else on_supabase


@pytest.mark.operations_row(4)
def test_rows_without_a_code_are_passed_over_and_counted_once(
    odd: Make, caplog: pytest.LogCaptureFixture
) -> None:
    table = odd("keyed_by_id")
    rows = [
        "(1, null, true, false)",
        "(2, 'a', true, false)",
        "(3, null, true, false)",
        "(4, 'b', true, false)",
    ]
    table.sql(f"insert into keyed_by_id (id, code, is_fetched, is_extracted) values {', '.join(rows)}")
    caplog.clear()
    with caplog.at_level(logging.WARNING, "extractor"):
        pages: list[list[str]] = []
        after: str | None = None
        while page := table.store.pending(after, 1, BacklogFilter()):
            pages.append(list(page))
            after = page[-1]
        assert [row.code for row in table.store.rows(None, 10)] == ["a", "b"]
    assert [record.getMessage() for record in caplog.records if "passed over" in record.getMessage()] == [
        "2 rows have no code, and are passed over"
    ]
    assert pages == [["a"], ["b"]]
    assert table.store.count_pending(BacklogFilter()) == 2


@pytest.mark.operations_row(5)
def test_a_code_that_two_rows_have_is_refused_and_changes_neither(odd: Make) -> None:
    table = odd("without_a_key")
    table.sql("insert into without_a_key (code, is_fetched) values ('a', true), ('a', true), ('b', true)")
    with pytest.raises(DuplicateCodeError, match="'a'"):
        table.store.begin(A, 1)
    with pytest.raises(DuplicateCodeError, match="'a'"):
        table.store.mark_extracted(A, EXTRACTION)
    assert table.sql("select count(*) from without_a_key where is_extracted") == "0"
    table.store.mark_extracted(VideoRef("b"), EXTRACTION)
    assert table.sql("select code from without_a_key where is_extracted") == "b"


@pytest.mark.operations_row(8)
def test_a_code_that_is_a_number_is_a_text_to_everybody_else(odd: Make) -> None:
    table = odd("keyed_by_number")
    table.sql("insert into keyed_by_number (code, is_fetched) values (7, true), (12, true), (7106, true)")
    assert table.store.pending(None, 2, BacklogFilter()) == ["7", "12"]
    assert table.store.pending("12", 2, BacklogFilter()) == ["7106"]
    assert [row.code for row in table.store.rows("7", 10)] == ["12", "7106"]
    assert table.store.begin(VideoRef("12"), 1) == StateRow("12", is_fetched=True, is_extracted=False)
    table.store.mark_enqueued(["7", "12"], NOON)
    table.store.mark_extracted(VideoRef("12"), EXTRACTION)
    assert table.sql("select code from keyed_by_number where is_extracted") == "12"


@pytest.mark.operations_row(8)
@pytest.mark.parametrize("code", ["abc", "9" * 30, "1.5x"])
def test_a_code_that_is_no_number_is_that_of_no_row(odd: Make, code: str) -> None:
    table = odd("keyed_by_number")
    table.sql("insert into keyed_by_number (code, is_fetched) values (7, true)")
    assert table.store.begin(VideoRef(code), 1) is None
    with pytest.raises((NotInStateError, StateUnavailableError)):
        table.store.mark_extracted(VideoRef(code), EXTRACTION)


@pytest.mark.operations_row(9)
def test_a_flag_that_is_a_word_is_understood_or_refused(odd: Make) -> None:
    table = odd("flagged_by_words")
    table.sql(
        "insert into flagged_by_words values ('a', 'true', 'false'), ('b', '1', 'TRUE'), ('c', '1', '0'),"
        " ('d', 'true', null), ('e', 'true', 'pending'), ('f', '', 'false')"
    )
    known = {code: table.store.begin(VideoRef(code), 1) for code in "abcd"}
    assert [row and (row.is_fetched, row.is_extracted) for row in known.values()] == [
        (True, False),
        (True, True),
        (True, False),
        (True, False),
    ]
    for code, value in (("e", "'pending'"), ("f", "''")):
        with pytest.raises(SettingsError, match=f"STATE_COLUMNS.*{value}"):
            table.store.begin(VideoRef(code), 1)


@pytest.mark.operations_row(10)
@pytest.mark.parametrize("name", ["short_errors", "checked_errors"])
def test_where_an_error_is_too_long_its_reason_alone_is_written(odd: Make, name: str) -> None:
    table = odd(name)
    table.sql(f"insert into {name} (code, is_fetched) values ('a', true)")
    table.store.record_failure(A, "UNREADABLE", "moov atom not found " * 5)
    assert table.sql(f"select extract_error from {name}") == "UNREADABLE"
    table.store.record_failure(A, "TRUNCATED", "short")
    assert table.sql(f"select extract_error from {name}") == "TRUNCATED: short"


@pytest.mark.operations_row(10)
def test_any_other_value_that_is_refused_names_the_column(odd: Make) -> None:
    table = odd("few_frames")
    table.sql("insert into few_frames (code, is_fetched) values ('a', true)")
    with pytest.raises(StateUnavailableError, match="frame_count"):
        table.store.mark_extracted(A, EXTRACTION)
    assert table.sql("select count(*) from few_frames where is_extracted") == "0"


@pytest.mark.operations_row(4)
def test_pages_that_do_not_advance_end_with_an_error(connect: Connect) -> None:
    rows = Answer(200, b'[{"code": "a", "is_fetched": true, "is_extracted": false}]')
    with serving(
        lambda request: rows if request.method == "GET" else Answer(200, b"", {"Content-Range": "*/0"})
    ) as url:
        store = connect(url)
        for read in (
            lambda: store.pending("a", 1, BacklogFilter()),
            lambda: store.rows("a", 1),
            lambda: store.failed_rows("a", 1),
        ):
            with pytest.raises(StateUnavailableError, match="do not advance"):
                read()
