"""One contract for every state store: what is done is known as done, and each flip is certain."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from extractor import container
from extractor.backends.state import BACKENDS
from extractor.backends.state.base import StateRow, StateStore
from extractor.backends.state.dynamodb.store import DynamoDBStateStore
from extractor.domain import keys
from extractor.domain.jobs import ExtractionSummary, SourceVideo, VideoRef
from extractor.errors import NotInStateError
from extractor.settings import load_settings
from tests.backends.state.memory import MEMORY, MemoryStateStore
from tests.backends.state.tables import Table, sqlite_table, supabase_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ODD_CODES = ["a,b", "a.b", 'a"b', "a'b", "a b", "a%b", "a+b&c=d", "(a)", "a\\b", "null", "eq.a", "*", "ü日"]
LEASE_SECONDS = 900.0
EXTRACTION = ExtractionSummary(17, "frames/a/", 3, 12.5, 375, 29.97)


@dataclass(frozen=True, slots=True)
class Bench:
    """A store; how a video comes to be in it, and what it says of one behind the store's back."""

    store: StateStore
    add: Callable[[str], None]
    frame_count: Callable[[str], int | None]
    error: Callable[[str], str | None]


_STORES = ("memory", "sqlite", "supabase", "frame_extractor", "dynamodb")
"""``frame_extractor`` is Supabase with the rights of that role only."""


@pytest.fixture(params=_STORES)
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    if request.param == "sqlite":
        yield _with_table(sqlite_table(tmp_path / "state.sqlite"))
    elif request.param == "memory":
        yield _in_memory(monkeypatch)
    elif request.param == "dynamodb":
        table = request.getfixturevalue("new_videos_table")()
        yield _with_items(request.getfixturevalue("dynamodb_client"), table)
    else:
        server = request.getfixturevalue("supabase")
        token = None if request.param == "supabase" else server.token("frame_extractor")
        with supabase_table(server, token=token) as table:
            yield _with_table(table)


def _with_table(table: Table) -> Bench:
    return Bench(
        table.store,
        table.insert,
        lambda code: table.row(code)["frame_count"],
        lambda code: table.row(code)["extract_error"],
    )


def _in_memory(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setitem(BACKENDS, "memory", MEMORY)
    store = container.build_state(load_settings({"STATE_BACKEND": "memory"}))
    assert isinstance(store, MemoryStateStore)
    return Bench(
        store,
        store.add,
        lambda code: store.row(code).frame_count,
        lambda code: store.row(code).extract_error,
    )


def test_every_registered_store_is_held_to_this_contract() -> None:
    assert BACKENDS.keys() <= set(_STORES)


def _with_items(client: "DynamoDBClient", table: str) -> Bench:
    def item(code: str) -> Mapping[str, Any]:
        source = video(code).source
        assert source is not None
        return client.get_item(TableName=table, Key={"video_id": {"S": keys.content_id(source)}})["Item"]

    store = DynamoDBStateStore(client, table)
    return Bench(
        store,
        lambda code: store.release(video(code)) if store.begin(video(code), LEASE_SECONDS) else None,
        lambda code: int(item(code)["frames_count"]["N"]),
        lambda code: item(code).get("error", {}).get("S"),
    )


def video(code: str) -> VideoRef:
    return VideoRef(code, SourceVideo("videos", f"{code}.mp4", "etag", 1000))


def begin(bench: Bench, code: str) -> StateRow | None:
    return bench.store.begin(video(code), LEASE_SECONDS)


def finish(bench: Bench, code: str, extraction: ExtractionSummary = EXTRACTION) -> None:
    begin(bench, code)
    bench.store.mark_extracted(video(code), extraction)


def test_a_video_is_begun_as_not_extracted(bench: Bench) -> None:
    bench.add("a")
    assert begin(bench, "a") == StateRow("a", is_fetched=True, is_extracted=False)


def test_a_video_that_is_marked_is_known_as_extracted(bench: Bench) -> None:
    for code in "ab":
        bench.add(code)
    finish(bench, "a")
    assert begin(bench, "a") == StateRow("a", is_fetched=True, is_extracted=True)
    assert bench.frame_count("a") == 17
    assert begin(bench, "b") == StateRow("b", is_fetched=True, is_extracted=False)


@pytest.mark.failure_row(34)
def test_whatever_was_done_may_be_done_again(bench: Bench) -> None:
    bench.add("a")
    for _ in range(2):
        begin(bench, "a")
    for _ in range(2):
        bench.store.mark_extracted(video("a"), EXTRACTION)
    assert begin(bench, "a") == StateRow("a", is_fetched=True, is_extracted=True)


@pytest.mark.failure_row(37)
def test_a_mark_that_changes_nothing_is_an_error(bench: Bench) -> None:
    bench.add("a")
    with pytest.raises(NotInStateError):
        bench.store.mark_extracted(video("unknown"), EXTRACTION)
    assert begin(bench, "a") == StateRow("a", is_fetched=True, is_extracted=False)


def test_a_failure_is_noted_and_its_video_may_be_tried_again(bench: Bench) -> None:
    bench.add("a")
    begin(bench, "a")
    bench.store.record_failure(video("a"), "UNREADABLE", "moov atom not found")
    assert bench.error("a") == "UNREADABLE: moov atom not found"
    assert begin(bench, "a") == StateRow("a", is_fetched=True, is_extracted=False)


def test_success_clears_the_noted_failure(bench: Bench) -> None:
    bench.add("a")
    bench.store.record_failure(video("a"), "TRUNCATED", "half of it")
    finish(bench, "a")
    assert bench.error("a") is None


@pytest.mark.failure_row(41)
def test_a_late_failure_does_not_touch_a_video_that_is_extracted(bench: Bench) -> None:
    bench.add("a")
    finish(bench, "a")
    bench.store.record_failure(video("a"), "VIDEO_MISSING", "any")
    assert bench.error("a") is None
    assert begin(bench, "a") == StateRow("a", is_fetched=True, is_extracted=True)


def test_a_failure_of_an_unknown_video_is_noted_nowhere(bench: Bench) -> None:
    bench.add("a")
    bench.store.record_failure(video("unknown"), "UNREADABLE", "moov atom not found")
    assert bench.error("a") is None


def test_any_text_can_be_noted(bench: Bench) -> None:
    bench.add("a")
    bench.store.record_failure(video("a"), "UNREADABLE", "\0 \x1b[31m \ud800 \"' ü")
    noted = bench.error("a")
    assert noted is not None
    assert noted.endswith("\"' ü")


def test_a_video_that_is_given_up_may_be_begun_again(bench: Bench) -> None:
    bench.add("a")
    begin(bench, "a")
    for _ in range(2):
        bench.store.release(video("a"))
    assert begin(bench, "a") == StateRow("a", is_fetched=True, is_extracted=False)


def test_giving_up_what_is_done_or_unknown_changes_nothing(bench: Bench) -> None:
    bench.add("a")
    finish(bench, "a")
    bench.store.release(video("a"))
    bench.store.release(video("unknown"))
    assert begin(bench, "a") == StateRow("a", is_fetched=True, is_extracted=True)


def test_a_code_means_itself(bench: Bench) -> None:
    for code in ODD_CODES:
        bench.add(code)
    for number, code in enumerate(ODD_CODES):
        finish(bench, code, ExtractionSummary(number, "frames/", None, 1.0, 25, 25.0))
    assert [bench.frame_count(code) for code in ODD_CODES] == list(range(len(ODD_CODES)))
    assert {begin(bench, code) for code in ODD_CODES} == {StateRow(code, True, True) for code in ODD_CODES}
