"""What only Supabase does: tables of many shapes, a cap on rows, addresses of a certain length."""

import json
import logging
from dataclasses import replace

import httpx
import pytest

from extractor.backends.state.base import BacklogFilter, InventoryRow, StateRow
from extractor.backends.state.columns import Columns
from extractor.backends.state.supabase import SupabaseStateStore, build_postgrest_client
from extractor.domain.jobs import VideoRef
from extractor.errors import SettingsError
from tests.backends.state.tables import EXTRACTION, NOON, Connect, supabase_table
from tests.support.servers.http import Answer, Request, forward, serving
from tests.support.servers.supabase import Supabase

A, B = VideoRef("a"), VideoRef("b")


@pytest.mark.failure_row(40)
def test_three_columns_are_enough(supabase: Supabase, connect: Connect) -> None:
    supabase.database.sql("insert into three_columns values ('a', true, false), ('b', true, false)")
    store = connect(supabase.url, supabase.service_key, "three_columns")
    assert store.count_pending(BacklogFilter()) == 2
    store.record_failure(A, "UNREADABLE", "any")
    store.mark_enqueued(["a"], NOON)
    store.mark_extracted(B, EXTRACTION)
    assert store.pending(None, 10, BacklogFilter()) == ["a"]
    assert list(store.rows(None, 10)) == [InventoryRow("a", True, False), InventoryRow("b", True, True)]
    assert store.reset(["a", "b"]) == 2
    assert store.pending(None, 10, BacklogFilter()) == ["a", "b"]


@pytest.mark.failure_row(40)
def test_missing_columns_are_warned_of_once(
    supabase: Supabase, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    supabase.database.sql("insert into three_columns values ('a', true, false)")
    store = connect(supabase.url, supabase.service_key, "three_columns")
    with caplog.at_level(logging.WARNING, "extractor"):
        for _ in range(3):
            store.pending(None, 10, BacklogFilter())
            store.record_failure(A, "UNREADABLE", "any")
            store.mark_extracted(A, EXTRACTION)
    assert [record.getMessage() for record in caplog.records] == [
        "the state table has no extract_error, frame_count, extracted_at, enqueued_at; that is not recorded"
    ]


@pytest.mark.failure_row(40)
@pytest.mark.parametrize(
    ("pick", "column"),
    [
        (BacklogFilter(failed=True), "extract_error"),
        (BacklogFilter(enqueued_before=NOON), "enqueued_at"),
        (BacklogFilter(fetched_since=NOON), "fetched_at"),
    ],
)
def test_a_pick_by_a_missing_column_is_refused(
    supabase: Supabase, connect: Connect, pick: BacklogFilter, column: str
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
        assert table.store.pending(None, 10, BacklogFilter()) == ["c"]
        assert table.store.pending(None, 10, BacklogFilter(failed=True)) == ["b"]
        assert list(table.store.rows("a", 1)) == [InventoryRow("b", True, False, "UNREADABLE: any")]


def test_a_null_counts_as_not_extracted(supabase: Supabase, connect: Connect) -> None:
    supabase.database.sql("insert into three_columns values ('a', true, null), ('b', null, null)")
    store = connect(supabase.url, supabase.service_key, "three_columns")
    assert (store.pending(None, 10, BacklogFilter()), store.count_pending(BacklogFilter())) == (["a"], 1)
    assert store.begin(B, 1) == StateRow("b", is_fetched=False, is_extracted=False)


@pytest.mark.failure_row(44)
def test_the_cap_on_rows_hides_none(supabase: Supabase, connect: Connect) -> None:
    supabase.database.sql(
        "insert into watched_content (code, is_fetched) select 'c' || n, true from generate_series(1, 2005) n"
    )
    store, sizes, after = connect(supabase.url, supabase.service_key), [], None
    while page := store.pending(after, 5_000, BacklogFilter()):
        sizes.append(len(page))
        after = page[-1]
    assert sizes == [1_000, 1_000, 5]
    assert store.count_pending(BacklogFilter()) == 2_005
    codes = [f"c{number}" for number in range(1, 2_006)]
    assert store.reset(codes) == 2_005


def test_an_answer_that_names_fewer_rows_than_were_changed_is_no_refusal(
    supabase: Supabase, connect: Connect
) -> None:
    """As of older servers, which cut also the answers of updates at their cap on rows."""
    supabase.database.sql(
        "insert into watched_content (code, is_fetched) select 'c' || n, true from generate_series(1, 7) n"
    )
    with httpx.Client(base_url=supabase.url) as upstream:

        def cut(request: Request) -> Answer:
            answer = forward(request, upstream)
            if request.method == "PATCH":
                answer = replace(answer, body=json.dumps(json.loads(answer.body)[:3]).encode())
            return answer

        with serving(cut) as url:
            store = connect(url, supabase.service_key)
            assert store.reset([f"c{number}" for number in range(1, 10)]) == 7
            store.mark_enqueued(["c1", "c2", "c3", "c4"], NOON)
    waiting = connect(supabase.url, supabase.service_key).pending(
        None, 10, BacklogFilter(enqueued_before=NOON)
    )
    assert waiting == ["c5", "c6", "c7"]


@pytest.mark.parametrize(
    "pick", [BacklogFilter(), BacklogFilter(enqueued_before=NOON), BacklogFilter(failed=True)]
)
def test_the_backlog_of_a_large_table_is_read_from_an_index(supabase: Supabase, pick: BacklogFilter) -> None:
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
