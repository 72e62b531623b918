"""What the handler answers: which records come back, and what became of a direct event."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from extractor.backends.state.sqlite import SqliteStateStore
from extractor.errors import StateUnavailableError
from tests.handler.conftest import World
from tests.handler.faults import state_is_down


def test_a_direct_event_is_answered_with_what_became_of_it(world: World, plain_clip: Path) -> None:
    world.add_video("abc", plain_clip)
    world.add_row("missing")
    answer = world.invoke({"items": [{"code": "abc"}, {"code": "missing"}]})
    assert answer["results"][0] == {"code": "abc", "outcome": "extracted", "frames": 4}
    assert answer["results"][1]["reason"] == "VIDEO_MISSING"
    assert world.invoke({"code": "abc"}) == {"results": [{"code": "abc", "outcome": "skipped"}]}


def test_a_direct_event_that_may_succeed_later_is_an_error(
    world: World, plain_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_video("abc", plain_clip)
    monkeypatch.setattr(SqliteStateStore, "mark_extracted", state_is_down)
    with pytest.raises(StateUnavailableError):
        world.invoke({"code": "abc"})


@pytest.mark.failure_row(5)
def test_only_the_record_that_failed_comes_back(world: World, plain_clip: Path) -> None:
    world.add_video("good", plain_clip)
    world.add_row("waiting", is_fetched=False)
    bodies = [{"code": "good"}, {"code": "waiting"}]
    failed = world.deliver(*bodies)
    assert len(failed) == 1
    assert world.is_extracted("good")
    assert not world.is_extracted("waiting")
    assert world.dead_letters() == []


@pytest.mark.failure_row(4)
def test_all_items_of_a_message_are_done_even_if_one_must_wait(world: World, plain_clip: Path) -> None:
    world.add_row("waiting", is_fetched=False)
    world.add_video("good", plain_clip)
    body = {"items": [{"code": "waiting"}, {"code": "good"}]}
    assert world.deliver(body) == [0]
    assert world.is_extracted("good")


@pytest.mark.failure_row(6)
def test_a_record_is_not_started_without_time_to_end_it(
    world: World, plain_clip: Path, settings: Callable[..., None]
) -> None:
    world.add_video("abc", plain_clip)
    assert world.deliver({"code": "abc"}, seconds=0.001) == [0]
    assert world.objects() == {}
    assert world.dead_letters() == []


@pytest.mark.failure_row(6)
def test_records_that_no_time_is_left_for_come_back_and_the_log_says_so(
    world: World, logs: io.StringIO
) -> None:
    assert world.deliver({"code": "one"}, {"code": "two"}, seconds=0) == [0, 1]
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    assert [line["message"] for line in lines] == ["too little time is left to start another video"] * 2
    assert len({line["message_id"] for line in lines}) == 2
