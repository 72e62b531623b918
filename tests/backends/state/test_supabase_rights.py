"""Who may do what in Supabase: the worker's role what the worker does and nothing else, others nothing."""

import httpx
import pytest

from extractor.backends.state.base import BacklogFilter, StateRow
from extractor.domain.jobs import VideoRef
from extractor.errors import AccessDeniedError, ExtractorError, NotInStateError
from tests.backends.state.tables import EXTRACTION, NOON, Connect, supabase_table
from tests.support.servers.supabase import Supabase

A, B = VideoRef("a"), VideoRef("b")


@pytest.mark.operations_row(3)
@pytest.mark.failure_row(37)
def test_a_row_that_row_level_security_guards_is_not_believed_to_be_marked(
    supabase: Supabase, connect: Connect
) -> None:
    supabase.database.sql("insert into guarded values ('a', true, false)")
    store = connect(supabase.url, supabase.anon_key, "guarded", token=supabase.token("authenticated"))
    assert store.begin(A, 1) is not None
    with pytest.raises(AccessDeniedError, match="can be read, and not changed"):
        store.mark_extracted(A, EXTRACTION)
    with pytest.raises(AccessDeniedError, match="can be read, and not changed"):
        store.reset(["a", "unknown"])
    with pytest.raises(NotInStateError):
        store.mark_extracted(B, EXTRACTION)


def test_the_worker_s_role_can_do_what_the_worker_does(supabase: Supabase) -> None:
    with supabase_table(supabase, token=supabase.token("frame_extractor")) as table:
        for code in ("a", "b", "c"):
            table.insert(code, fetched_at=NOON.isoformat())
        assert table.store.begin(A, 1) == StateRow("a", is_fetched=True, is_extracted=False)
        table.store.mark_extracted(A, EXTRACTION)
        table.store.record_failure(B, "UNREADABLE", "any")
        table.store.mark_enqueued(["c"], NOON)
        assert table.store.pending(None, 10, BacklogFilter(fetched_since=NOON)) == ["c"]
        assert table.store.count_pending(BacklogFilter(failed=True)) == 1
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


@pytest.mark.operations_row(3)
def test_a_failure_or_a_note_that_changes_no_row_is_an_error_that_says_so(
    supabase: Supabase, connect: Connect
) -> None:
    supabase.database.sql(
        "alter table watched_content disable row level security;"
        "insert into watched_content (code, is_fetched) values ('a', true);"
        "create policy everyone_looks on watched_content for select using (true);"
        "alter table watched_content enable row level security;"
    )
    try:
        store = connect(supabase.url, supabase.anon_key, token=supabase.token("authenticated"))
        assert store.pending(None, 10, BacklogFilter()) == ["a"]
        with pytest.raises(AccessDeniedError, match=r"'a'.*grants"):
            store.record_failure(A, "UNREADABLE", "any")
        with pytest.raises(AccessDeniedError, match=r"'a'.*grants"):
            store.mark_enqueued(["a"], NOON)
        store.record_failure(B, "UNREADABLE", "of a row that is not there")
        store.mark_enqueued(["b"], NOON)
    finally:
        supabase.database.sql("drop policy everyone_looks on watched_content")


@pytest.mark.operations_row(2)
def test_a_table_that_shows_no_row_at_all_is_a_denial_and_not_an_empty_backlog(
    supabase: Supabase, connect: Connect
) -> None:
    supabase.database.sql("insert into watched_content (code, is_fetched) values ('a', true)")
    store = connect(supabase.url, supabase.anon_key, token=supabase.token("authenticated"))
    for call in (
        lambda: store.begin(A, 1),
        lambda: store.mark_extracted(A, EXTRACTION),
        lambda: store.pending(None, 10, BacklogFilter()),
        lambda: store.count_pending(BacklogFilter()),
        lambda: store.rows(None, 10),
        lambda: store.failed_rows(None, 10),
    ):
        with pytest.raises(AccessDeniedError, match="no rows at all"):
            call()
    assert connect(supabase.url, supabase.service_key).begin(B, 1) is None


@pytest.mark.failure_row(9)
def test_a_key_without_rights_is_a_denial(supabase: Supabase, connect: Connect) -> None:
    store = connect(supabase.url, supabase.anon_key)
    for call in (
        lambda: store.begin(A, 1),
        lambda: store.mark_extracted(A, EXTRACTION),
        lambda: store.pending(None, 10, BacklogFilter()),
        lambda: store.count_pending(BacklogFilter()),
    ):
        with pytest.raises(AccessDeniedError):
            call()


def test_a_wrong_key_is_a_denial(supabase: Supabase, connect: Connect) -> None:
    with pytest.raises(AccessDeniedError):
        connect(supabase.url, "wrong").begin(A, 1)
    with pytest.raises(AccessDeniedError):
        connect(supabase.url, "wrong").count_pending(BacklogFilter())


def test_no_error_tells_the_key(supabase: Supabase, connect: Connect) -> None:
    for url in (supabase.url, "http://127.0.0.1:1"):
        with pytest.raises(ExtractorError) as caught:
            connect(url, "wrong-secret").begin(A, 1)
        assert "wrong-secret" not in str(caught.value)
