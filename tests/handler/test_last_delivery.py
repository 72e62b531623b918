"""At the last delivery of a message its reason is known: it is buried with it, and its row stays as it is."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from extractor.backends.queues.sqs import SqsQueue
from extractor.backends.state.base import BacklogFilter
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.errors import QueueUnavailableError
from tests.handler.conftest import World
from tests.handler.faults import state_is_down


@pytest.fixture(autouse=True)
def three_deliveries(settings: Callable[..., None], world: World) -> None:
    settings(MAX_RECEIVES=3)


def test_an_outage_marks_nothing_as_failed_and_its_messages_are_found_by_their_reason(
    world: World, plain_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_video("abc", plain_clip)
    with monkeypatch.context() as broken:
        broken.setattr(SqliteStateStore, "mark_extracted", state_is_down)
        for count in (1, 2):
            assert world.deliver({"code": "abc"}, receive_count=count) == [0]
            assert world.dead_letters() == []
        assert world.deliver({"code": "abc"}, receive_count=3) == []
    (letter,) = world.dead_letters()
    assert json.loads(letter.pop("body")) == {"code": "abc"}
    assert letter == {"reason": "STATE_UNAVAILABLE", "detail": "down", "code": "abc", "receive_count": "3"}
    assert world.state.pending(None, 10, BacklogFilter()) == ["abc"]


def test_what_nobody_foresaw_is_buried_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def surprise(*_: object) -> None:
        raise ZeroDivisionError("by a mistake of ours")

    world.add_row("abc")
    monkeypatch.setattr(SqliteStateStore, "begin", surprise)
    assert world.deliver({"code": "abc"}, receive_count=3) == []
    (letter,) = world.dead_letters()
    assert (letter["reason"], letter["detail"]) == ("INTERNAL", "by a mistake of ours")


def test_a_message_that_there_was_no_time_to_begin_is_buried_with_that_reason(world: World) -> None:
    assert world.deliver({"code": "abc"}, receive_count=2, seconds=0) == [0]
    assert world.deliver({"code": "abc"}, receive_count=3, seconds=0) == []
    (letter,) = world.dead_letters()
    assert (letter["reason"], json.loads(letter["body"])) == ("DEADLINE", {"code": "abc"})


def test_a_message_that_cannot_be_buried_stays_unacknowledged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise QueueUnavailableError("down")

    world.add_row("abc", is_fetched=False)
    with monkeypatch.context() as broken:
        broken.setattr(SqsQueue, "send", down)
        assert world.deliver({"code": "abc"}, receive_count=3) == [0]
        assert world.deliver({"code": "abc"}, receive_count=3, seconds=0) == [0]
    assert world.dead_letters() == []


def test_without_the_setting_the_queue_itself_gives_the_message_up(
    world: World, settings: Callable[..., None]
) -> None:
    settings(MAX_RECEIVES="")
    world.add_row("abc", is_fetched=False)
    assert world.deliver({"code": "abc"}, receive_count=1_000) == [0]
    assert world.dead_letters() == []


@pytest.mark.operations_row(6)
def test_a_dead_letter_holds_the_item_that_failed_and_no_other(world: World, plain_clip: Path) -> None:
    world.add_video("good", plain_clip)
    world.add_row("waiting", is_fetched=False)
    world.add_row("missing")
    items = [{"code": "good"}, {"code": "missing", "quality": 90}, {"shortcode": "waiting"}]
    assert world.deliver({"items": items}, receive_count=3) == []
    bodies = {letter["reason"]: json.loads(letter["body"]) for letter in world.dead_letters()}
    assert bodies == {
        "VIDEO_MISSING": {"code": "missing", "quality": 90},
        "NOT_FETCHED": {"shortcode": "waiting"},
    }
    assert world.is_extracted("good")


@pytest.mark.operations_row(6)
def test_letters_of_an_event_hold_one_record_each_and_can_be_sent_again(
    world: World, plain_clip: Path
) -> None:
    keys = ["one.mp4", "two.mp4", "three.mp4"]
    records = [
        {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "oriane-videos"}, "object": {"key": key, "size": 1}},
        }
        for key in keys
    ]
    for code in ("one", "two", "three"):
        world.add_row(code)
    carried = {"Type": "Notification", "Message": json.dumps({"Records": records})}
    assert world.deliver(carried) == []
    bodies = [json.loads(letter["body"]) for letter in world.dead_letters()]
    assert sorted(body["Records"][0]["s3"]["object"]["key"] for body in bodies) == sorted(keys)
    assert all(len(body["Records"]) == 1 for body in bodies)
    world.add_video("two", plain_clip)
    for body in bodies:
        assert world.deliver(body) == []
    assert world.is_extracted("two")
    assert len(world.dead_letters()) == 2
