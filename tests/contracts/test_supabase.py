"""What only Supabase does: fewer columns, row-level security, a cap on rows, errors of several layers."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from extractor.adapters.supabase import SupabaseStateStore, build_postgrest_client
from extractor.errors import AccessDeniedError, ExtractorError, NotInStateError, StateUnavailableError
from extractor.models import StateRow
from tests.servers.http import Answer, serving
from tests.servers.supabase import Supabase

Connect = Callable[..., SupabaseStateStore]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes stores that do not try again."""
    with ExitStack() as stack:

        def make(url: str, key: str = "key", table: str = "watched_content") -> SupabaseStateStore:
            client = stack.enter_context(build_postgrest_client(url, key))
            client.retry_enabled = False
            return SupabaseStateStore(client, table)

        yield make


@pytest.mark.failure_row(40)
def test_three_columns_are_enough(supabase: Supabase, connect: Connect) -> None:
    supabase.database.sql("insert into three_columns values ('a', true, false), ('b', true, false)")
    store = connect(supabase.url, supabase.service_key, "three_columns")
    assert store.count_pending() == 2
    store.record_failure("a", "UNREADABLE", "any")
    store.mark_extracted("b", 17)
    assert store.pending(None, 10) == ["a"]


@pytest.mark.failure_row(40)
def test_missing_columns_are_warned_of_once(
    supabase: Supabase, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    supabase.database.sql("insert into three_columns values ('a', true, false)")
    store = connect(supabase.url, supabase.service_key, "three_columns")
    with caplog.at_level(logging.WARNING, "extractor"):
        for _ in range(3):
            store.record_failure("a", "UNREADABLE", "any")
            store.mark_extracted("a", 17)
    assert len(caplog.records) == 1


def test_a_null_counts_as_not_extracted(supabase: Supabase, connect: Connect) -> None:
    supabase.database.sql("insert into three_columns values ('a', true, null), ('b', null, null)")
    store = connect(supabase.url, supabase.service_key, "three_columns")
    assert (store.pending(None, 10), store.count_pending()) == (["a"], 1)
    assert store.get("b") == StateRow("b", is_fetched=False, is_extracted=False)


@pytest.mark.failure_row(37)
def test_a_row_that_row_level_security_guards_is_not_believed_to_be_marked(
    supabase: Supabase, connect: Connect
) -> None:
    supabase.database.sql("insert into guarded values ('a', true, false)")
    store = connect(supabase.url, supabase.user_key, "guarded")
    assert store.get("a") is not None
    with pytest.raises(NotInStateError):
        store.mark_extracted("a", 17)


@pytest.mark.failure_row(44)
def test_the_cap_on_rows_hides_none(supabase: Supabase, connect: Connect) -> None:
    supabase.database.sql(
        "insert into watched_content (code, is_fetched) select 'c' || n, true from generate_series(1, 2005) n"
    )
    store, sizes, after = connect(supabase.url, supabase.service_key), [], None
    while page := store.pending(after, 5_000):
        sizes.append(len(page))
        after = page[-1]
    assert sizes == [1_000, 1_000, 5]
    assert store.count_pending() == 2_005


def test_the_backlog_is_read_from_its_index(supabase: Supabase) -> None:
    plan = supabase.database.sql(
        """
        insert into watched_content (code, is_fetched, is_extracted)
          select 'c' || n, true, n > 4000 from generate_series(1, 5000) n;
        analyze watched_content;
        explain select code from watched_content
          where is_fetched is true and not (is_extracted is true) and extract_error is null and code > 'c1'
          order by code limit 10;
        """
    )
    assert "watched_content_pending" in plan
    assert "Sort" not in plan


@pytest.mark.failure_row(9)
def test_a_key_without_rights_is_a_denial(supabase: Supabase, connect: Connect) -> None:
    store = connect(supabase.url, supabase.anon_key)
    for call in (
        lambda: store.get("a"),
        lambda: store.mark_extracted("a", 1),
        lambda: store.pending(None, 10),
        store.count_pending,
    ):
        with pytest.raises(AccessDeniedError):
            call()


def test_a_wrong_key_is_a_denial(supabase: Supabase, connect: Connect) -> None:
    with pytest.raises(AccessDeniedError):
        connect(supabase.url, "wrong").get("a")
    with pytest.raises(AccessDeniedError):
        connect(supabase.url, "wrong").count_pending()


@pytest.mark.parametrize("table", ["missing", "unrelated"])
def test_a_table_that_does_not_fit_is_an_error_that_says_so(
    supabase: Supabase, connect: Connect, table: str
) -> None:
    supabase.database.sql("insert into unrelated values (1)")
    with pytest.raises(StateUnavailableError, match=r"STATE_TABLE|needs the columns"):
        connect(supabase.url, supabase.service_key, table).get("a")


@pytest.mark.failure_row(38)
@pytest.mark.failure_row(39)
@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, b'{"code":"PGRST000","message":"any text"}'),
        Answer(500, b"<html>any text</html>"),
        Answer(504),
        Answer(200, b"<html>any text</html>"),
        Answer(200, b'[{"code":', promised_bytes=100),
    ],
    ids=["database down", "gateway fault", "time-out", "another server", "cut off"],
)
def test_a_server_in_trouble_says_nothing_about_the_video(connect: Connect, answer: Answer) -> None:
    with serving(lambda _: answer) as url:
        store = connect(url)
        for call in (lambda: store.get("a"), lambda: store.mark_extracted("a", 1), store.count_pending):
            with pytest.raises(ExtractorError) as caught:
                call()
            assert type(caught.value) is StateUnavailableError


@pytest.mark.failure_row(46)
def test_a_server_that_is_not_there_is_a_state_that_is_unavailable(connect: Connect) -> None:
    with serving(lambda _: Answer(200)) as url:
        pass  # the port is closed again
    with pytest.raises(StateUnavailableError):
        connect(url).get("a")


def test_no_error_tells_the_key(supabase: Supabase, connect: Connect) -> None:
    for url in (supabase.url, "http://127.0.0.1:1"):
        with pytest.raises(ExtractorError) as caught:
            connect(url, "wrong-secret").get("a")
        assert "wrong-secret" not in str(caught.value)
