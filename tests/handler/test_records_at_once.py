"""Two records of a batch at a time: what the handler promises holds as it does one at a time."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from extractor.domain.manifest import Manifest
from extractor.errors import StateUnavailableError
from extractor.pipeline.extract import extract
from local.lambda_runtime.sqs_event import build_event
from tests.handler.conftest import World, assert_complete


@pytest.fixture
def together(
    world: World,
    settings: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[threading.Barrier]:
    """The handler with two records at a time; no decode starts before another one is about to."""
    settings(RECORDS_AT_ONCE=2)
    barrier = threading.Barrier(2, timeout=60)

    def extract_together(*arguments: Any) -> Manifest:
        barrier.wait()
        return extract(*arguments)

    monkeypatch.setattr("extractor.pipeline.job.extract", extract_together)
    yield barrier
    assert list(world.work_dir.iterdir()) == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("record", "prefetch"))]


@pytest.mark.usefixtures("together")
def test_two_videos_are_decoded_at_the_same_time_and_a_failure_is_that_of_one(
    world: World, plain_clip: Path, logs: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    for code in ("a", "c", "d"):
        world.add_video(code, plain_clip)
    world.add_video("b", b"no video at all")
    world.add_row("later", is_fetched=False)
    assert world.deliver(*({"code": code} for code in ("a", "b", "later", "c", "d"))) == [2]
    for code in ("a", "c", "d"):
        assert_complete(world, code)
        assert world.is_extracted(code)
    (letter,) = world.dead_letters()
    assert (letter["code"], letter["reason"]) == ("b", "UNREADABLE")
    lines = {line["code"]: line for line in map(json.loads, logs.getvalue().splitlines())}
    assert len({line["message_id"] for line in lines.values()}) == len(lines) == 5
    metrics: dict[str, Any] = {}
    for line in capsys.readouterr().out.splitlines():
        if '"_aws"' in line:
            metrics |= json.loads(line)
    assert metrics["Videos"] == [1.0, 1.0, 1.0]
    assert metrics["Frames"] == [4.0, 4.0, 4.0]


def test_log_lines_have_no_field_of_an_earlier_record(world: World, logs: io.StringIO) -> None:
    world.add_row("later", is_fetched=False)
    world.deliver({"code": "later"})
    with pytest.raises(Exception, match="not marked as fetched"):
        world.invoke({"code": "later"})
    of_record, direct = map(json.loads, logs.getvalue().splitlines()[:2])
    assert of_record["message_id"]
    assert "message_id" not in direct


def test_a_group_of_a_fifo_queue_stays_in_order_after_a_failure(
    world: World, settings: Callable[..., None], plain_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(RECORDS_AT_ONCE=2)
    for code in ("a1", "a2", "b1", "b2"):
        world.add_video(code, plain_clip)
    begin = type(world.state).begin

    def begin_unless_first(*arguments: Any) -> Any:
        if arguments[1].code == "a1":
            raise StateUnavailableError("not now")
        return begin(*arguments)

    monkeypatch.setattr(type(world.state), "begin", begin_unless_first)
    messages: Any = [
        {
            "MessageId": code,
            "ReceiptHandle": code,
            "Body": json.dumps({"code": code}),
            "MD5OfBody": "",
            "Attributes": {"ApproximateReceiveCount": "1", "MessageGroupId": code[0]},
        }
        for code in ("a1", "a2", "b1", "b2")
    ]
    failed = {"fifo": ["a1", "a2"], "standard": ["a1"]}
    for queue in ("fifo", "standard"):
        arn = f"arn:aws:sqs:us-east-1:123456789012:main{'.fifo' if queue == 'fifo' else ''}"
        answer = world.invoke(build_event(messages, arn))
        assert [item["itemIdentifier"] for item in answer["batchItemFailures"]] == failed[queue]
    monkeypatch.undo()
