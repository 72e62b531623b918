"""The worker's client of the database API and that of the command lines are one and the same."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from postgrest import SyncPostgrestClient

from extractor import container
from extractor.backends.state.base import BacklogFilter
from extractor.backends.state.supabase import SupabaseStateStore, build_postgrest_client
from extractor.backends.state.supabase.project import build_project_client
from extractor.domain.jobs import VideoRef
from extractor.errors import ExtractorError
from extractor.settings import load_settings
from tests.backends.state.tables import EXTRACTION
from tests.support.servers.http import Answer, Request, serving

Build = Callable[[str, str, str | None], SyncPostgrestClient]

ROW = b'[{"code": "a", "is_fetched": true, "is_extracted": false}]'


def _requests(build: Build, key: str, token: str | None) -> list[Request]:
    """What the server gets of each operation of the store."""
    requests: list[Request] = []

    def answer(request: Request) -> Answer:
        requests.append(request)
        return Answer(200, ROW, {"Content-Type": "application/json"})

    with serving(answer) as url, build(f"{url}/", key, token) as client:
        store = SupabaseStateStore(client, "watched_content")
        store.begin(VideoRef("a"), 1)
        store.pending(None, 10, BacklogFilter())
        store.mark_extracted(VideoRef("a"), EXTRACTION)
        store.mark_enqueued(["a"], datetime(2026, 1, 1, tzinfo=UTC))
        store.record_failure(VideoRef("a"), "UNREADABLE", "any")
    return requests


@pytest.mark.parametrize("key", ["eyJhbGciOi.J9.x", "sb_secret_abc"])
@pytest.mark.parametrize("token", [None, "token"])
def test_both_send_the_same_requests(key: str, token: str | None) -> None:
    sent = [_requests(build, key, token) for build in (build_postgrest_client, build_project_client)]
    assert len(sent[0]) == len(sent[1]) >= 5
    for worker, tool in zip(*sent, strict=True):
        assert (worker.method, worker.path) == (tool.method, tool.path)
        ignored = {"host", "content-length"}
        headers = [
            {name.lower(): value for name, value in request.headers.items() if name.lower() not in ignored}
            for request in (worker, tool)
        ]
        assert headers[0] == headers[1]
        assert headers[0]["apikey"] == key


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("build", [build_postgrest_client, build_project_client])
def test_both_translate_a_refusal(build: Build, status: int) -> None:
    with (
        serving(lambda _: Answer(status)) as url,
        build(url, "key", None) as client,
        pytest.raises(ExtractorError, match=str(status)),
    ):
        SupabaseStateStore(client, "watched_content").begin(VideoRef("a"), 1)


@pytest.mark.parametrize("build", [build_postgrest_client, build_project_client])
@pytest.mark.parametrize("address", ["nonsense", "ftp://project", "http://[::1"])
def test_both_refuse_what_is_no_address(build: Build, address: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        build(address, "key", None)


def test_the_command_lines_take_the_package_supabase_and_the_worker_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built: list[str] = []

    def project(*_: object) -> SyncPostgrestClient:
        built.append("project")
        return build_postgrest_client("http://127.0.0.1:1", "key")

    monkeypatch.setattr("extractor.backends.state.supabase.project.build_project_client", project)
    settings = load_settings({"SUPABASE_URL": "http://127.0.0.1:1", "SUPABASE_KEY": "key"})
    container.build_state(settings)
    assert built == []
    container.build_table(settings)
    assert built == ["project"]
