"""Supabase in trouble, or another server in its place, says nothing about a video."""

import pytest

from extractor.backends.state.base import BacklogFilter
from extractor.domain.jobs import VideoRef
from extractor.errors import ExtractorError, StateUnavailableError
from tests.backends.state.tables import EXTRACTION, Connect
from tests.support.servers.http import Answer, serving
from tests.support.servers.supabase import Supabase

A = VideoRef("a")


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
            lambda: store.count_pending(BacklogFilter()),
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
