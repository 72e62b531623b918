"""Notifications, from the real handler to real receivers over HTTP."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.handler.conftest import World
from tests.support.servers.http import Answer, Request, serving

_KEY = bytes(range(32))
_SECRET = f"whsec_{base64.b64encode(_KEY).decode()}"
_ACCOUNT = "arn:aws:{}:us-east-1:123456789012:{}"
_QUEUE = _ACCOUNT.format("sqs", "events")

Settings = Callable[..., None]


class Receiver:
    """A webhook. `answers` are given in turn, then 204."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[Answer] = []

    def __call__(self, request: Request) -> Answer:
        self.requests.append(request)
        return self.answers.pop(0) if self.answers else Answer(204)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(request.body) for request in self.requests]


@pytest.fixture
def receiver(world: World, settings: Settings) -> Iterator[Receiver]:
    receiver = Receiver()
    with serving(receiver) as url:
        settings(NOTIFY_TARGET=f"{url}/hook", NOTIFY_SECRET=_SECRET)
        yield receiver


@pytest.fixture
def events_queue(world: World) -> Iterator[str]:
    url = world.sqs.create_queue(QueueName="events")["QueueUrl"]
    yield url
    world.sqs.delete_queue(QueueUrl=url)


def _topic() -> str:
    sns = boto3.client("sns")
    topic: str = sns.create_topic(Name="done")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=_QUEUE, Attributes={"RawMessageDelivery": "true"})
    return topic


def _bus() -> str:
    events = boto3.client("events")
    bus: str = events.create_event_bus(Name="done")["EventBusArn"]
    pattern = {"source": ["frame-extractor"], "detail-type": ["frame-extractor.video.done"]}
    events.put_rule(Name="all", EventBusName="done", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="all", EventBusName="done", Targets=[{"Id": "queue", "Arn": _QUEUE}])
    return bus


@pytest.mark.parametrize("target", [_topic, _bus, lambda: _QUEUE, None], ids=["sns", "events", "arn", "url"])
def test_a_finished_video_is_announced(
    world: World,
    settings: Settings,
    events_queue: str,
    plain_clip: Path,
    target: Callable[[], str] | None,
) -> None:
    settings(NOTIFY_TARGET=target() if target else events_queue)
    world.add_video("abc", plain_clip)
    assert world.deliver({"code": "abc"}) == []
    (message,) = world.sqs.receive_message(QueueUrl=events_queue)["Messages"]
    event = json.loads(message["Body"])
    event = event.get("detail", event)
    manifest = world.manifest("abc")
    assert manifest is not None
    assert (event["specversion"], event["type"], event["subject"]) == (
        "1.0",
        "frame-extractor.video.done",
        "abc",
    )
    assert event["data"] == {
        "code": "abc",
        "frames_bucket": "oriane-frames",
        "platform": None,
        "manifest_key": "abc/manifest.json",
        "frame_count": 4,
        "duration_seconds": 4.0,
        "policy_fingerprint": manifest.policy_fingerprint,
        "source": {
            "bucket": "oriane-videos",
            "key": "abc.mp4",
            "etag": manifest.source.etag,
            "size_bytes": plain_clip.stat().st_size,
        },
    }


def test_a_webhook_is_signed(world: World, receiver: Receiver, plain_clip: Path) -> None:
    world.add_video("abc", plain_clip)
    assert world.deliver({"code": "abc"}) == []
    (request,) = receiver.requests
    headers = {name.lower(): value for name, value in request.headers.items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    digest = base64.b64encode(hmac.new(_KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"
    assert headers["content-type"].startswith("application/cloudevents+json")
    assert (request.method, request.path) == ("POST", "/hook")
    assert json.loads(request.body)["id"] == headers["webhook-id"]


@pytest.mark.failure_row(59)
@pytest.mark.parametrize("status", [404, 302, 503])
def test_a_video_that_cannot_be_announced_comes_back_and_is_announced_then(
    world: World, receiver: Receiver, plain_clip: Path, status: int
) -> None:
    world.add_video("abc", plain_clip)
    receiver.answers = [Answer(status, headers={"Location": "/elsewhere"})] * 2
    attempts = 2 if status == 503 else 1
    assert world.deliver({"code": "abc"}) == [0]
    assert world.is_extracted("abc")
    assert len(receiver.requests) == attempts
    receiver.answers = []
    assert world.deliver({"code": "abc"}, receive_count=2) == []
    assert len(receiver.requests) == attempts + 1
    assert {request.path for request in receiver.requests} == {"/hook"}
    assert len({str(event) for event in receiver.events}) == 1


def test_a_video_that_is_extracted_already_is_announced_under_the_same_id(
    world: World, receiver: Receiver, plain_clip: Path
) -> None:
    world.add_video("abc", plain_clip)
    assert world.deliver({"code": "abc"}) == []
    assert world.deliver({"code": "abc", "interval": 2}) == []
    first, again = receiver.events
    assert first == again


def test_another_version_and_another_policy_have_other_ids(
    world: World, receiver: Receiver, plain_clip: Path
) -> None:
    for key, options in (("abc.mp4", {}), ("abc.mp4", {"interval": 2}), ("other/abc/video.mp4", {})):
        world.add_video("abc", plain_clip, key)
        platform = {"platform": "other"} if "/" in key else {}
        assert world.deliver({"code": "abc", **options, **platform}) == []
    assert len({event["id"] for event in receiver.events}) == 3


def test_a_failure_is_announced_after_it_is_recorded_and_before_it_is_dead_lettered(
    world: World, receiver: Receiver
) -> None:
    world.add_video("abc", b"no video at all")
    receiver.answers = [Answer(400)]
    assert world.deliver({"code": "abc"}) == [0]
    assert world.dead_letters() == []
    assert world.deliver({"code": "abc"}, receive_count=2) == []
    first, again = receiver.events
    assert first == again
    assert first["type"] == "frame-extractor.video.failed"
    assert first["data"]["source"]["key"] == "abc.mp4"
    (letter,) = world.dead_letters()
    assert letter["reason"] == first["data"]["reason"] in {"UNREADABLE", "FORBIDDEN_FORMAT"}


def test_a_video_that_may_succeed_later_is_not_announced(
    world: World, receiver: Receiver, plain_clip: Path
) -> None:
    world.add_video("abc", plain_clip)
    world.add_row("abc", is_fetched=False)
    assert world.deliver({"code": "new"}) == [0]
    assert receiver.requests == []


@pytest.mark.failure_row(59)
def test_a_topic_that_does_not_exist_loses_no_video(
    world: World, settings: Settings, plain_clip: Path
) -> None:
    settings(NOTIFY_TARGET=_ACCOUNT.format("sns", "gone"), MAX_RECEIVES=2)
    world.add_video("abc", plain_clip)
    assert world.deliver({"code": "abc"}) == [0]
    assert world.deliver({"code": "abc"}, receive_count=2) == []
    (letter,) = world.dead_letters()
    assert letter["reason"] == "NOTIFICATION_FAILED"
    assert "NotFound" in letter["detail"]
    assert world.is_extracted("abc")
