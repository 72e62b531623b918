"""Every kind of message that reaches the handler: from S3, from people, from queues."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.handler.conftest import World

TEST_EVENT = {
    "Service": "Amazon S3",
    "Event": "s3:TestEvent",
    "Time": "2026-01-01T00:00:00.000Z",
    "Bucket": "oriane-videos",
    "RequestId": "5582815E1AEA5ADF",
    "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR",
}


def _s3_event(*keys: str) -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "us-east-1",
                "eventName": "ObjectCreated:Put",
                "s3": {
                    "bucket": {"name": "oriane-videos"},
                    "object": {"key": key, "size": 1, "eTag": "0" * 32},
                },
            }
            for key in keys
        ]
    }


@pytest.mark.failure_row(2)
@pytest.mark.parametrize("wrapped", [False, True])
def test_the_test_event_of_s3_is_acknowledged(world: World, wrapped: bool) -> None:
    body: object = {"Type": "Notification", "Message": json.dumps(TEST_EVENT)} if wrapped else TEST_EVENT
    assert world.deliver(body) == []
    assert world.dead_letters() == []


@pytest.mark.failure_row(3)
def test_a_key_is_decoded_in_events_of_s3_and_taken_as_it_is_elsewhere(
    world: World, plain_clip: Path
) -> None:
    world.add_video("a b+c", plain_clip, key="inbox/a b+c.mp4")
    world.add_video("a+b%2Bc", plain_clip, key="inbox/a+b%2Bc.mp4")
    for code in ("a b+c", "a+b%2Bc"):
        assert not world.is_extracted(code)
    event = _s3_event("inbox/a+b%2Bc.mp4")
    (decoded,) = world.invoke(event)["results"]
    (literal,) = world.invoke({"bucket": "oriane-videos", "key": "inbox/a+b%2Bc.mp4"})["results"]
    assert decoded["code"] != literal["code"]
    assert {decoded.get("reason"), literal.get("reason")} == {"NOT_IN_STATE"}


@pytest.mark.failure_row(4)
def test_all_videos_of_an_event_are_done(world: World, plain_clip: Path) -> None:
    for code in ("one", "two"):
        world.add_video(code, plain_clip)
    assert world.deliver(_s3_event("one.mp4", "two.mp4")) == []
    assert world.is_extracted("one")
    assert world.is_extracted("two")


@pytest.mark.failure_row(7)
@pytest.mark.parametrize("option", [{"qualtiy": 90}, {"quality": 101}, {"interval": 0}, {"format": "bmp"}])
def test_an_option_that_does_not_exist_is_named(world: World, option: dict[str, object]) -> None:
    world.add_row("abc")
    assert world.deliver({"code": "abc", **option}) == []
    (letter,) = world.dead_letters()
    assert letter["reason"] == "INVALID_MESSAGE"
    assert next(iter(option)) in letter["detail"]
    assert json.loads(letter["body"]) == {"code": "abc", **option}
