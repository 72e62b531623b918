"""Events as AWS and people send them: of any shape, also of what this function has written itself."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import lambda_function
from tests.handler.conftest import Context, World
from tests.handler.faults import faulty_s3
from tests.support.servers.http import Answer, Request

QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:main"


def _invoke(event: object) -> dict[str, Any]:
    answer: dict[str, Any] = lambda_function.lambda_handler(event, Context())  # type: ignore[arg-type]
    return json.loads(json.dumps(answer))  # type: ignore[no-any-return]


def _announced(bucket: str, *keys: str) -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Copy",
                "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": 1}},
            }
            for key in keys
        ]
    }


def _record(body: object, number: int = 1) -> dict[str, Any]:
    return {
        "messageId": f"id-{number}",
        "receiptHandle": "handle",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
    }


@pytest.mark.operations_row(19)
def test_a_list_of_records_is_a_batch(world: World, plain_clip: Path) -> None:
    world.add_video("good", plain_clip)
    world.add_row("waiting", is_fetched=False)
    event = [_record({"code": "waiting"}, 1), _record({"code": "good"}, 2)]
    assert _invoke(event) == {"batchItemFailures": [{"itemIdentifier": "id-1"}]}
    assert world.is_extracted("good")


@pytest.mark.operations_row(19)
def test_a_list_of_messages_is_handled_one_by_one(world: World, plain_clip: Path) -> None:
    world.add_video("good", plain_clip)
    results = _invoke([{"code": "good"}, 7])["results"]
    assert [result["outcome"] for result in results] == ["extracted", "failed"]


@pytest.mark.operations_row(19)
@pytest.mark.parametrize("event", [[], {"Records": []}])
def test_nothing_to_do_is_a_success(world: World, event: object) -> None:
    assert _invoke(event) == {"batchItemFailures": []}
    assert world.dead_letters() == []


@pytest.mark.operations_row(19)
@pytest.mark.parametrize("event", [None, "hello", 7, True, {}, {"Records": None}, {"Records": [None]}])
def test_any_other_event_is_an_invalid_message(world: World, event: object) -> None:
    (result,) = _invoke(event)["results"]
    assert (result["outcome"], result["reason"]) == ("failed", "INVALID_MESSAGE")
    (letter,) = world.dead_letters()
    assert letter["reason"] == "INVALID_MESSAGE"


@pytest.mark.operations_row(19)
def test_a_message_as_text_is_understood(world: World, plain_clip: Path) -> None:
    world.add_video("good", plain_clip)
    assert _invoke(json.dumps({"code": "good"}))["results"][0]["outcome"] == "extracted"


@pytest.mark.operations_row(19)
def test_a_record_without_attributes_is_a_first_delivery(world: World, plain_clip: Path) -> None:
    world.add_video("good", plain_clip)
    record = _record({"code": "good"})
    del record["attributes"]
    assert _invoke({"Records": [record]}) == {"batchItemFailures": []}
    assert world.is_extracted("good")


@pytest.mark.operations_row(24)
@pytest.mark.parametrize(
    "event",
    [
        {"code": "half \ud800 a pair"},
        {"bucket": "oriane-videos", "key": "half\udfff.mp4"},
        {"bucket": "oriane-videos", "key": "ü" * 513},
        {"bucket": "oriane-videos", "key": "k" * 1_025},
    ],
)
def test_what_is_no_text_or_no_key_is_an_invalid_message(world: World, event: object) -> None:
    (result,) = _invoke(event)["results"]
    assert result["reason"] == "INVALID_MESSAGE"
    (letter,) = world.dead_letters()
    assert json.loads(letter["body"]) == event


@pytest.mark.operations_row(24)
def test_an_announced_key_that_is_too_long_is_an_invalid_message(world: World) -> None:
    assert world.deliver(_announced("oriane-videos", "%C3%BC" * 513)) == []
    (letter,) = world.dead_letters()
    assert "1024 bytes" in letter["detail"]


@pytest.mark.operations_row(24)
def test_a_key_of_as_many_bytes_as_s3_takes_is_looked_for(world: World) -> None:
    (result,) = _invoke({"code": "abc", "bucket": "oriane-videos", "key": "ü" * 512})["results"]
    assert result["reason"] == "NOT_IN_STATE"


@pytest.mark.operations_row(24)
def test_a_bucket_that_does_not_exist_is_final_at_the_second_delivery(world: World) -> None:
    world.add_row("abc")
    message = {"code": "abc", "bucket": "no-such-bucket-anywhere", "key": "abc.mp4"}
    assert world.deliver(message) == [0]
    assert world.deliver(message, receive_count=2) == []
    (letter,) = world.dead_letters()
    assert letter["reason"] == "BUCKET_MISSING"
    assert "no-such-bucket-anywhere" in letter["detail"]


@pytest.mark.operations_row(24)
def test_that_the_bucket_of_the_settings_does_not_exist_is_final_for_no_video(
    world: World, settings: Callable[..., None]
) -> None:
    settings(VIDEOS_BUCKET="mistyped-bucket")
    world.add_row("abc")
    assert world.deliver({"code": "abc"}, receive_count=2) == [0]
    assert world.dead_letters() == []


@pytest.mark.operations_row(13)
def test_what_this_function_has_written_never_comes_back_as_work(
    world: World, settings: Callable[..., None], plain_clip: Path
) -> None:
    settings(VIDEOS_BUCKET="oriane-frames")
    world.s3.put_object(Bucket="oriane-frames", Key="abc.mp4", Body=plain_clip.read_bytes())
    world.add_row("abc")
    assert world.deliver(_announced("oriane-frames", "abc.mp4")) == []
    assert world.is_extracted("abc")
    written = [key for key in world.objects() if key != "abc.mp4"]
    beside = ["abc/interim.json", "abc/frames.tar", "abc/contact-sheet.jpg", "abc/storyboard.vtt"]
    other_layout = ["abc/frames/1sec/7.jpg", "abc/frames/1sec/manifest.json", "abc/1_0.00.webp"]
    trash = [".trash/20260701T120000Z/abc/000000.jpg", ".trash/20260701T120000Z/abc.mp4"]
    keys = [*written, *beside, *other_layout, *trash]
    assert len(written) == 5
    results = _invoke(_announced("oriane-frames", *keys))["results"]
    assert [(result["outcome"], result["key"]) for result in results] == [("ignored", key) for key in keys]
    assert world.deliver(*(_announced("oriane-frames", key) for key in keys[:3])) == []
    assert world.dead_letters() == []


@pytest.mark.operations_row(13)
def test_what_was_thrown_away_in_the_videos_bucket_is_no_new_video(world: World) -> None:
    assert world.deliver(_announced("oriane-videos", ".trash/20260701T120000Z/abc.mp4")) == []
    assert world.dead_letters() == []


@pytest.mark.operations_row(13)
def test_ignored_objects_are_counted(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    _invoke(_announced("oriane-frames", "abc/000000.jpg", "abc/manifest.json"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["IgnoredObjects"] for line in lines if "IgnoredObjects" in line] == [[1.0, 1.0]]


@pytest.mark.operations_row(13)
def test_a_video_beside_frames_is_a_video(world: World, settings: Callable[..., None]) -> None:
    """Only what the function writes is passed over, and only where it writes."""
    (result,) = _invoke(_announced("oriane-frames", "abc/other.mp4"))["results"]
    assert result["reason"] == "NOT_IN_STATE"
    (result,) = _invoke(_announced("oriane-videos", "abc/000000.jpg"))["results"]
    assert result["reason"] == "NOT_IN_STATE"


@pytest.mark.operations_row(14)
@pytest.mark.parametrize("code", ["instagram", "tiktok", "youtube"])
def test_a_code_whose_folder_would_be_that_of_a_platform_is_refused(
    world: World, plain_clip: Path, code: str
) -> None:
    world.add_video(code, plain_clip)
    assert world.deliver({"code": code}) == []
    (letter,) = world.dead_letters()
    assert letter["reason"] == "INVALID_MESSAGE"
    assert "platform" in letter["detail"]
    assert world.objects() == {}
    world.add_video(code, plain_clip, key=f"tiktok/{code}/video.mp4")
    assert world.deliver({"code": code, "platform": "tiktok"}) == []
    assert world.is_extracted(code)


@pytest.mark.operations_row(14)
def test_only_the_video_s_own_keys_are_listed(
    world: World, server: str, settings: Callable[..., None], plain_clip: Path
) -> None:
    world.add_video("vimeo", plain_clip)
    for number in range(30):
        world.s3.put_object(Bucket="oriane-frames", Key=f"vimeo/code{number}/000000.jpg", Body=b"other")
    listings: list[bytes] = []
    with _listings(server, settings, listings):
        assert world.deliver({"code": "vimeo"}, receive_count=2) == []
    assert world.is_extracted("vimeo")
    assert listings
    assert not any(b"<Key>vimeo/code" in listing for listing in listings)


@contextmanager
def _listings(server: str, settings: Callable[..., None], seen: list[bytes]) -> Iterator[None]:
    with httpx.Client(base_url=server) as upstream:

        def look(request: Request) -> Answer | None:
            if request.method != "GET" or "list-type=2" not in request.path:
                return None
            headers = {
                name: value
                for name, value in request.headers.items()
                if name.lower() not in {"host", "connection"}
            }
            answer = upstream.get(request.path, headers=headers)
            seen.append(answer.content)
            return Answer(answer.status_code, answer.content, {"Content-Type": "application/xml"})

        with faulty_s3(server, settings, look):
            yield
