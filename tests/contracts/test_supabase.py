"""What only Supabase does: tables of many shapes, rights of roles, a cap on rows, errors of many layers."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import httpx
import pytest

from extractor.adapters.supabase import SupabaseStateStore, build_postgrest_client
from extractor.columns import STANDARD, Columns
from extractor.errors import (
    AccessDeniedError,
    ExtractorError,
    NotInStateError,
    SettingsError,
    StateUnavailableError,
)
from extractor.models import Extraction, InventoryRow, Pick, StateRow, Subject
from tests.contracts.tables import supabase_table
from tests.servers.http import Answer, serving
from tests.servers.supabase import Supabase

Connect = Callable[..., SupabaseStateStore]
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
EXTRACTION = Extraction(17, "frames/a/", 3, 12.5, 375, 29.97)
A, B = Subject("a"), Subject("b")


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes stores that do not try again."""
    with ExitStack() as stack:

        def make(
            url: str,
            key: str = "key",
            table: str = "watched_content",
            columns: Columns = STANDARD,
            token: str | None = None,
        ) -> SupabaseStateStore:
            client = stack.enter_context(build_postgrest_client(url, key, token))
            client.retry_enabled = False
            return SupabaseStateStore(client, table, columns)

        yield make


@pytest.mark.failure_row(40)
def test_three_columns_are_enough(supabase: Supabase, connect: Connect) -> None:
    supabase.database.sql("insert into three_columns values ('a', true, false), ('b', true, false)")
    store = connect(supabase.url, supabase.service_key, "three_columns")
    assert store.count_pending(Pick()) == 2
    store.record_failure(A, "UNREADABLE", "any")
    store.mark_enqueued(["a"], NOON)
    store.mark_extracted(B, EXTRACTION)
    assert store.pending(None, 10, Pick()) == ["a"]
    assert list(store.rows(None, 10)) == [InventoryRow("a", True, False), InventoryRow("b", True, True)]
    assert store.reset(["a", "b"]) == 2
    assert store.pending(None, 10, Pick()) == ["a", "b"]


@pytest.mark.failure_row(40)
def test_missing_columns_are_warned_of_once(
    supabase: Supabase, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    supabase.database.sql("insert into three_columns values ('a', true, false)")
    store = connect(supabase.url, supabase.service_key, "three_columns")
    with caplog.at_level(logging.WARNING, "extractor"):
        for _ in range(3):
            store.pending(None, 10, Pick())
            store.record_failure(A, "UNREADABLE", "any")
            store.mark_extracted(A, EXTRACTION)
    assert [record.getMessage() for record in caplog.records] == [
        "the state table has no extract_error, frame_count, extracted_at, enqueued_at; that is not recorded"
    ]


@pytest.mark.failure_row(40)
@pytest.mark.parametrize(
    ("pick", "column"),
    [
        (Pick(failed=True), "extract_error"),
        (Pick(enqueued_before=NOON), "enqueued_at"),
        (Pick(fetched_since=NOON), "fetched_at"),
    ],
)
def test_a_pick_by_a_missing_column_is_refused(
    supabase: Supabase, connect: Connect, pick: Pick, column: str
) -> None:
    store = connect(supabase.url, supabase.service_key, "three_columns")
    for call in (lambda: store.pending(None, 10, pick), lambda: store.count_pending(pick)):
        with pytest.raises(SettingsError, match=f"STATE_COLUMNS.*{column}"):
            call()


def test_columns_may_have_other_names(supabase: Supabase) -> None:
    columns = Columns(is_fetched="is_downloaded", frame_count="frames")
    with supabase_table(supabase, "insta_content", columns) as table:
        for code in ("a", "b", "c"):
            table.insert(code)
        table.store.mark_extracted(A, EXTRACTION)
        table.store.record_failure(B, "UNREADABLE", "any")
        assert table.row("a") == {
            "code": "a",
            "is_downloaded": True,
            "is_extracted": True,
            "frames": 17,
            "extract_error": None,
        }
        assert table.store.begin(A, 1) == StateRow("a", is_fetched=True, is_extracted=True)
        assert table.store.pending(None, 10, Pick()) == ["c"]
        assert table.store.pending(None, 10, Pick(failed=True)) == ["b"]
        assert list(table.store.rows("a", 1)) == [InventoryRow("b", True, False, "UNREADABLE: any")]


def test_a_null_counts_as_not_extracted(supabase: Supabase, connect: Connect) -> None:
    supabase.database.sql("insert into three_columns values ('a', true, null), ('b', null, null)")
    store = connect(supabase.url, supabase.service_key, "three_columns")
    assert (store.pending(None, 10, Pick()), store.count_pending(Pick())) == (["a"], 1)
    assert store.begin(B, 1) == StateRow("b", is_fetched=False, is_extracted=False)


@pytest.mark.failure_row(37)
def test_a_row_that_row_level_security_guards_is_not_believed_to_be_marked(
    supabase: Supabase, connect: Connect
) -> None:
    supabase.database.sql("insert into guarded values ('a', true, false)")
    store = connect(supabase.url, supabase.anon_key, "guarded", token=supabase.token("authenticated"))
    assert store.begin(A, 1) is not None
    with pytest.raises(NotInStateError):
        store.mark_extracted(A, EXTRACTION)


def test_the_worker_s_role_can_do_what_the_worker_does(supabase: Supabase) -> None:
    with supabase_table(supabase, token=supabase.token("frame_extractor")) as table:
        for code in ("a", "b", "c"):
            table.insert(code, fetched_at=NOON.isoformat())
        assert table.store.begin(A, 1) == StateRow("a", is_fetched=True, is_extracted=False)
        table.store.mark_extracted(A, EXTRACTION)
        table.store.record_failure(B, "UNREADABLE", "any")
        table.store.mark_enqueued(["c"], NOON)
        assert table.store.pending(None, 10, Pick(fetched_since=NOON)) == ["c"]
        assert table.store.count_pending(Pick(failed=True)) == 1
        assert [row.code for row in table.store.rows(None, 10)] == ["a", "b", "c"]
        assert table.store.reset(["a", "b", "c"]) == 3


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "watched_content?code=eq.a", None),
        ("POST", "watched_content", {"code": "new"}),
        ("PATCH", "watched_content?code=eq.a", {"code": "other"}),
        ("PATCH", "watched_content?code=eq.a", {"is_fetched": False}),
        ("PATCH", "watched_content?code=eq.a", {"fetched_at": None}),
        ("GET", "watched_content?select=private", None),
        ("GET", "watched_content?select=*", None),
        ("GET", "three_columns", None),
        ("PATCH", "three_columns?code=eq.a", {"is_extracted": True}),
    ],
)
def test_the_worker_s_role_can_do_nothing_else(
    supabase: Supabase, method: str, path: str, body: dict[str, object] | None
) -> None:
    supabase.database.sql("insert into watched_content (code, is_fetched) values ('a', true)")
    token = supabase.token("frame_extractor")
    headers = {"apikey": supabase.anon_key, "Authorization": f"Bearer {token}"}
    answer = httpx.request(method, f"{supabase.url}/rest/v1/{path}", headers=headers, json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "42501")


@pytest.mark.failure_row(44)
def test_the_cap_on_rows_hides_none(supabase: Supabase, connect: Connect) -> None:
    supabase.database.sql(
        "insert into watched_content (code, is_fetched) select 'c' || n, true from generate_series(1, 2005) n"
    )
    store, sizes, after = connect(supabase.url, supabase.service_key), [], None
    while page := store.pending(after, 5_000, Pick()):
        sizes.append(len(page))
        after = page[-1]
    assert sizes == [1_000, 1_000, 5]
    assert store.count_pending(Pick()) == 2_005
    codes = [f"c{number}" for number in range(1, 2_006)]
    assert store.reset(codes) == 2_005


@pytest.mark.parametrize("pick", [Pick(), Pick(enqueued_before=NOON), Pick(failed=True)])
def test_the_backlog_of_a_large_table_is_read_from_an_index(supabase: Supabase, pick: Pick) -> None:
    supabase.database.sql(
        """
        insert into watched_content (code, is_fetched, is_extracted, extract_error)
          select 'c' || n, true, n > 5000, case when n % 10 = 0 then 'UNREADABLE: any' end
          from generate_series(1, 100000) n;
        analyze watched_content;
        """
    )
    asked: list[httpx.Request] = []
    with build_postgrest_client(supabase.url, supabase.service_key) as client:
        client.session.event_hooks["request"].append(asked.append)
        assert len(SupabaseStateStore(client, "watched_content").pending("c1", 1_000, pick)) > 400
        headers = {**asked[-1].headers, "accept": "application/vnd.pgrst.plan+text"}
        plan = client.session.get(asked[-1].url, headers=headers).text
    index = "watched_content_failed" if pick.failed else "watched_content_pending"
    assert index in plan, plan
    assert "Seq Scan" not in plan
    assert "Sort" not in plan


def test_an_address_stays_within_what_gateways_take(supabase: Supabase) -> None:
    asked: list[httpx.Request] = []
    with build_postgrest_client(supabase.url, supabase.service_key) as client:
        client.session.event_hooks["request"].append(asked.append)
        store = SupabaseStateStore(client, "watched_content")
        store.mark_enqueued(["日" * 200] * 20 + [f"code{number:05d}" for number in range(3_000)], NOON)
    assert 10 < len(asked) < 100
    assert max(len(str(request.url)) for request in asked) < 8_000


@pytest.mark.failure_row(9)
def test_a_key_without_rights_is_a_denial(supabase: Supabase, connect: Connect) -> None:
    store = connect(supabase.url, supabase.anon_key)
    for call in (
        lambda: store.begin(A, 1),
        lambda: store.mark_extracted(A, EXTRACTION),
        lambda: store.pending(None, 10, Pick()),
        lambda: store.count_pending(Pick()),
    ):
        with pytest.raises(AccessDeniedError):
            call()


def test_a_wrong_key_is_a_denial(supabase: Supabase, connect: Connect) -> None:
    with pytest.raises(AccessDeniedError):
        connect(supabase.url, "wrong").begin(A, 1)
    with pytest.raises(AccessDeniedError):
        connect(supabase.url, "wrong").count_pending(Pick())


@pytest.mark.parametrize("table", ["missing", "unrelated"])
def test_a_table_that_does_not_fit_is_an_error_that_says_so(
    supabase: Supabase, connect: Connect, table: str
) -> None:
    supabase.database.sql("insert into unrelated values (1)")
    with pytest.raises(StateUnavailableError, match=r"STATE_TABLE|STATE_COLUMNS"):
        connect(supabase.url, supabase.service_key, table).begin(A, 1)


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
        for call in (
            lambda: store.begin(A, 1),
            lambda: store.mark_extracted(A, EXTRACTION),
            lambda: store.count_pending(Pick()),
        ):
            with pytest.raises(ExtractorError) as caught:
                call()
            assert type(caught.value) is StateUnavailableError


@pytest.mark.failure_row(46)
def test_a_server_that_is_not_there_is_a_state_that_is_unavailable(connect: Connect) -> None:
    with serving(lambda _: Answer(200)) as url:
        pass  # the port is closed again
    with pytest.raises(StateUnavailableError):
        connect(url).begin(A, 1)


def test_no_error_tells_the_key(supabase: Supabase, connect: Connect) -> None:
    for url in (supabase.url, "http://127.0.0.1:1"):
        with pytest.raises(ExtractorError) as caught:
            connect(url, "wrong-secret").begin(A, 1)
        assert "wrong-secret" not in str(caught.value)
