"""The handler with the table that its users have: in Supabase, through its database API."""

import io
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.handler.conftest import World
from tests.support.media import clips
from tests.support.servers.connections import listening
from tests.support.servers.supabase import Supabase, supabase

_TABLE = """
create table three_columns (code text primary key, is_fetched boolean, is_extracted boolean);
create table without_a_key (code text, is_fetched boolean, is_extracted boolean, extract_error text);
"""


@pytest.fixture(scope="module")
def project() -> Iterator[Supabase]:
    with supabase(_TABLE) as project:
        yield project


@pytest.fixture
def table(world: World, project: Supabase, settings: Callable[..., None]) -> World:
    """A world whose state is the table; the rows of its videos are the test's to add."""
    project.database.sql("truncate three_columns")
    settings(
        STATE_BACKEND="supabase",
        STATE_TABLE="three_columns",
        SUPABASE_URL=project.url,
        SUPABASE_KEY=project.service_key,
    )
    return world


def _add(world: World, project: Supabase, code: str, video: bytes) -> None:
    world.s3.put_object(Bucket="oriane-videos", Key=f"{code}.mp4", Body=video)
    project.database.sql(f"insert into three_columns values ('{code}', true, false)")


def _reasons(logs: io.StringIO) -> list[str]:
    lines = map(json.loads, logs.getvalue().splitlines())
    return [line["reason"] for line in lines if "reason" in line]


def _extracted(project: Supabase) -> str:
    query = "select string_agg(code, ',' order by code) from three_columns where is_extracted"
    return project.database.sql(query).strip()


@pytest.mark.failure_row(40)
def test_three_columns_are_enough_and_are_warned_of_once(
    table: World, project: Supabase, plain_clip: Path, logs: io.StringIO
) -> None:
    for code in ("one", "two"):
        _add(table, project, code, plain_clip.read_bytes())
    _add(table, project, "bad", b"no video")
    assert table.deliver({"code": "one"}, {"code": "bad"}, {"code": "two"}) == []
    assert _extracted(project) == "one,two"
    (letter,) = table.dead_letters()
    assert (letter["code"], letter["reason"]) == ("bad", "UNREADABLE")
    warnings = [line for line in map(json.loads, logs.getvalue().splitlines()) if line["level"] == "WARNING"]
    assert len(warnings) == 1
    assert "extract_error" in warnings[0]["message"]


@pytest.mark.operations_row(3)
@pytest.mark.failure_row(37)
def test_a_row_that_the_key_may_not_change_is_not_believed(
    table: World, project: Supabase, plain_clip: Path, logs: io.StringIO
) -> None:
    _add(table, project, "one", plain_clip.read_bytes())
    project.database.sql(
        "alter table three_columns enable row level security;"
        "create policy look on three_columns for select using (true);"
        "alter role service_role nobypassrls"
    )
    try:
        assert table.deliver({"code": "one"}) == [0]
    finally:
        project.database.sql(
            "alter role service_role bypassrls; alter table three_columns disable row level security"
        )
    assert table.dead_letters() == []
    assert _reasons(logs) == ["ACCESS_DENIED"]
    assert _extracted(project) == ""


@pytest.mark.failure_row(39)
def test_connections_that_went_stale_between_calls_cost_no_video(
    table: World, project: Supabase, settings: Callable[..., None], clip_dir: Path
) -> None:
    clip = clips.plain(clip_dir / "stale.mp4", 2).read_bytes()
    for code in ("one", "two"):
        _add(table, project, code, clip)
    with _closing_after_each_answer(project.url) as url:
        settings(SUPABASE_URL=url)
        for code in ("one", "two"):
            assert table.deliver({"code": code}) == []
    assert _extracted(project) == "one,two"


@contextmanager
def _closing_after_each_answer(upstream: str) -> Iterator[str]:
    """A gateway that says it keeps connections, and drops each after one answer."""
    place = urlsplit(upstream)

    def relay(connection: socket.socket) -> None:
        with socket.create_connection((place.hostname, place.port)) as server:
            server.sendall(_whole(connection))
            connection.sendall(_whole(server))

    with listening(relay) as url:
        yield url


def _whole(end: socket.socket) -> bytes:
    """One request or answer, with its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += end.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0].split(b":")[1]) - len(body) if lengths else 0
    while missing > 0:
        piece = end.recv(65_536)
        data += piece
        missing -= len(piece)
    return data


@pytest.mark.operations_row(2)
def test_a_key_that_may_see_no_row_settles_nothing(
    table: World, project: Supabase, settings: Callable[..., None], plain_clip: Path, logs: io.StringIO
) -> None:
    _add(table, project, "one", plain_clip.read_bytes())
    project.database.sql("alter table three_columns enable row level security")
    settings(SUPABASE_KEY=project.anon_key, SUPABASE_TOKEN=project.token("authenticated"))
    try:
        for count in (1, 2):
            assert table.deliver({"code": "one"}, receive_count=count) == [0]
    finally:
        project.database.sql("alter table three_columns disable row level security")
    settings(SUPABASE_KEY=project.service_key, SUPABASE_TOKEN="")
    assert table.dead_letters() == []
    assert _reasons(logs) == ["ACCESS_DENIED", "ACCESS_DENIED"]


@pytest.mark.operations_row(5)
def test_a_code_of_two_rows_is_refused_before_any_work_and_flips_neither(
    table: World, project: Supabase, settings: Callable[..., None], plain_clip: Path
) -> None:
    project.database.sql(
        "truncate without_a_key; insert into without_a_key values ('one', true), ('one', true)"
    )
    settings(STATE_TABLE="without_a_key")
    table.s3.put_object(Bucket="oriane-videos", Key="one.mp4", Body=plain_clip.read_bytes())
    assert table.deliver({"code": "one"}) == []
    (letter,) = table.dead_letters()
    assert letter["reason"] == "DUPLICATE_CODE"
    assert table.objects() == {}
    rows = project.database.sql(
        "select coalesce(is_extracted, false), extract_error like 'DUPL%' from without_a_key"
    )
    assert rows.split() == ["f|t", "f|t"]
