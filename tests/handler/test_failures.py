"""What cannot succeed is recorded, dead-lettered with its reason, and acknowledged; what may succeed
later comes back."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from extractor.backends.queues.sqs import SqsQueue
from extractor.backends.state.base import BacklogFilter
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.domain.jobs import VideoRef
from extractor.errors import QueueUnavailableError, SettingsError, StateUnavailableError
from tests.handler.conftest import World
from tests.support.media import clips
from tests.support.servers.http import Answer, Request, forward, serving


def _assert_final(world: World, code: str, reason: str, detail: str = "") -> None:
    (letter,) = world.dead_letters()
    assert (letter["code"], letter["reason"]) == (code, reason)
    assert detail in letter["detail"]
    assert not world.is_extracted(code)
    assert world.manifest(code) is None
    assert code not in world.state.pending(None, 100, BacklogFilter())


@pytest.mark.failure_row(1)
@pytest.mark.parametrize("body", ["no json {", "[1, 2]", '{"code": 7}', '{"qualty": 1, "code": "abc"}'])
def test_a_message_that_makes_no_sense_is_kept_as_it_came(world: World, body: str) -> None:
    assert world.deliver(body) == []
    (letter,) = world.dead_letters()
    assert letter["body"] == body
    assert letter["reason"] == "INVALID_MESSAGE"


@pytest.mark.failure_row(8)
def test_a_missing_video_is_final(world: World) -> None:
    world.add_row("abc")
    assert world.deliver({"code": "abc"}) == []
    _assert_final(world, "abc", "VIDEO_MISSING", "abc.mp4")


@pytest.mark.failure_row(8)
@pytest.mark.failure_row(9)
def test_a_forbidden_video_is_not_taken_for_a_missing_one(
    world: World, plain_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_video("abc", plain_clip)

    def forbid(*_: object, **__: object) -> None:
        response: Any = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
        raise ClientError(response, "GetObject")

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", forbid)
    answer = world.invoke({"Records": [_record({"code": "abc"})]})
    monkeypatch.undo()
    assert answer == {"batchItemFailures": [{"itemIdentifier": "id-1"}]}


@pytest.mark.failure_row(13)
def test_an_empty_object_is_unreadable(world: World) -> None:
    world.add_video("abc", b"")
    assert world.deliver({"code": "abc"}) == []
    _assert_final(world, "abc", "UNREADABLE", "empty")


@pytest.mark.failure_row(13)
def test_a_video_over_the_limit_is_too_large(world: World, settings: Callable[..., None]) -> None:
    settings(MAX_VIDEO_MB=1)
    world.add_video("abc", bytes(1_000_001))
    assert world.deliver({"code": "abc"}) == []
    _assert_final(world, "abc", "TOO_LARGE", "MAX_VIDEO_MB")


@pytest.mark.failure_row(14)
def test_random_bytes_are_unreadable(world: World) -> None:
    world.add_video("abc", bytes(range(3, 256)) * 50)
    assert world.deliver({"code": "abc"}) == []
    _assert_final(world, "abc", "UNREADABLE", "Invalid data found")


@pytest.mark.failure_row(15)
def test_a_truncated_video_is_never_marked_as_extracted(
    world: World, sound_clip: Path, tmp_path: Path
) -> None:
    world.add_video("abc", clips.cut_off(tmp_path / "cut", 0.5, sound_clip))
    assert world.deliver({"code": "abc"}) == []
    _assert_final(world, "abc", "TRUNCATED", "of 4.")


@pytest.mark.failure_row(15)
def test_a_truncated_video_that_is_accepted_says_so_in_its_manifest(
    world: World, sound_clip: Path, tmp_path: Path, settings: Callable[..., None]
) -> None:
    settings(ALLOW_TRUNCATED="true")
    world.add_video("abc", clips.cut_off(tmp_path / "cut", 0.5, sound_clip))
    assert world.deliver({"code": "abc"}) == []
    manifest = world.manifest("abc")
    assert manifest is not None
    assert manifest.truncated
    assert manifest.decoded_seconds < manifest.expected_seconds


@pytest.mark.failure_row(17)
def test_sound_is_no_video(world: World, tmp_path: Path) -> None:
    world.add_video("abc", clips.sound_only(tmp_path / "sound.m4a"))
    assert world.deliver({"code": "abc"}) == []
    _assert_final(world, "abc", "NO_VIDEO_STREAM")


@pytest.mark.failure_row(18)
def test_a_decoder_that_gives_no_frame_is_no_success(
    world: World, plain_clip: Path, settings: Callable[..., None], tmp_path: Path
) -> None:
    world.add_video("abc", plain_clip)
    settings(FFMPEG_BINARY=fake_ffmpeg(tmp_path, _INDEX_THEN_NOTHING))
    assert world.deliver({"code": "abc"}) == []
    _assert_final(world, "abc", "NO_FRAMES")


@pytest.mark.failure_row(22)
def test_a_script_is_a_forbidden_format(world: World, plain_clip: Path, tmp_path: Path) -> None:
    world.add_video("abc", clips.concat_script(tmp_path / "script", plain_clip))
    assert world.deliver({"code": "abc"}) == []
    _assert_final(world, "abc", "FORBIDDEN_FORMAT")


@pytest.mark.failure_row(24)
def test_a_decoder_that_hangs_is_tried_again_once(
    world: World, plain_clip: Path, settings: Callable[..., None], tmp_path: Path
) -> None:
    world.add_video("abc", plain_clip)
    settings(FFMPEG_BINARY=fake_ffmpeg(tmp_path, "import time; time.sleep(600)"), FFMPEG_STALL_SECONDS=0.3)
    assert world.deliver({"code": "abc"}) == [0]
    assert world.dead_letters() == []
    assert world.deliver({"code": "abc"}, receive_count=2) == []
    _assert_final(world, "abc", "DECODER_HUNG")


@pytest.mark.failure_row(25)
def test_a_decoder_that_crashes_is_tried_again_once(
    world: World, plain_clip: Path, settings: Callable[..., None], tmp_path: Path
) -> None:
    world.add_video("abc", plain_clip)
    settings(FFMPEG_BINARY=fake_ffmpeg(tmp_path, "import os; os.abort()"))
    assert world.deliver({"code": "abc"}) == [0]
    assert world.deliver({"code": "abc"}, receive_count=2) == []
    _assert_final(world, "abc", "DECODER_CRASHED")


@pytest.mark.operations_row(12)
@pytest.mark.failure_row(37)
def test_a_code_without_a_row_is_final_at_the_second_delivery_and_costs_no_decode(
    world: World, plain_clip: Path
) -> None:
    world.s3.put_object(Bucket="oriane-videos", Key="abc.mp4", Body=plain_clip.read_bytes())
    assert world.deliver({"code": "abc"}) == [0]
    assert world.dead_letters() == []
    assert world.deliver({"code": "abc"}, receive_count=2) == []
    (letter,) = world.dead_letters()
    assert letter["reason"] == "NOT_IN_STATE"
    assert world.objects() == {}


@pytest.mark.failure_row(37)
def test_a_row_that_vanishes_before_the_flip_is_not_believed(
    world: World, plain_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_video("abc", plain_clip)
    mark = SqliteStateStore.mark_extracted
    monkeypatch.setattr(
        SqliteStateStore,
        "mark_extracted",
        lambda store, subject, extraction: mark(store, VideoRef("other"), extraction),
    )
    assert world.deliver({"code": "abc"}, receive_count=2) == []
    (letter,) = world.dead_letters()
    assert letter["reason"] == "NOT_IN_STATE"


@pytest.mark.operations_row(12)
def test_an_upload_that_is_announced_before_its_row_is_there_is_done_once_it_is(
    world: World, plain_clip: Path
) -> None:
    world.s3.put_object(Bucket="oriane-videos", Key="abc.mp4", Body=plain_clip.read_bytes())
    assert world.deliver({"code": "abc"}) == [0]
    world.add_row("abc")
    assert world.deliver({"code": "abc"}, receive_count=2) == []
    assert world.is_extracted("abc")


def test_a_failure_that_cannot_be_recorded_is_not_acknowledged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_row("abc")

    def down(*_: object) -> None:
        raise StateUnavailableError("down")

    monkeypatch.setattr(SqliteStateStore, "record_failure", down)
    assert world.deliver({"code": "abc"}) == [0]
    assert world.dead_letters() == []


def test_a_dead_letter_that_cannot_be_sent_is_not_acknowledged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise QueueUnavailableError("down")

    with monkeypatch.context() as broken:
        broken.setattr(SqsQueue, "send", down)
        assert world.deliver("nonsense") == [0]


@pytest.mark.operations_row(25)
def test_a_dead_letter_that_the_queue_refuses_in_its_answer_is_not_acknowledged(
    world: World, server: str, settings: Callable[..., None]
) -> None:
    refused = json.dumps(
        {"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}], "Successful": []}
    )

    def refuse(request: Request) -> Answer | None:
        if b"nonsense" not in request.body:
            return None
        return Answer(200, refused.encode(), {"Content-Type": "application/x-amz-json-1.0"})

    with httpx.Client(base_url=server) as upstream:
        with serving(lambda request: refuse(request) or forward(request, upstream)) as url:
            settings(AWS_ENDPOINT_URL_SQS=url)
            assert world.deliver("nonsense") == [0]
        settings(AWS_ENDPOINT_URL_SQS=server)
    assert world.dead_letters() == []


def test_without_a_dead_letter_queue_the_main_queue_keeps_the_message_and_the_log_says_why(
    world: World, settings: Callable[..., None], logs: io.StringIO
) -> None:
    settings(DEAD_LETTER_QUEUE_URL="")
    assert world.deliver("nonsense") == [0]
    (line,) = map(json.loads, logs.getvalue().splitlines())
    assert "INVALID_MESSAGE" in line["detail"]


def test_the_worker_names_the_settings_that_few_messages_use_once_and_handles_those(
    world: World, settings: Callable[..., None], logs: io.StringIO, plain_clip: Path
) -> None:
    settings(SCENE_FRAME="first")
    world.add_video("abc", plain_clip)
    assert world.deliver({"code": "abc", "strategy": "scene"}) == []
    assert world.deliver({"code": "abc", "strategy": "scene"}) == []
    found = [line for line in map(json.loads, logs.getvalue().splitlines()) if "settings" in line["message"]]
    assert [line["level"] for line in found] == ["INFO"]
    assert found[0]["detail"].startswith("SCENE_FRAME: has no effect: the strategy is 'uniform'")


def test_what_nobody_foresaw_comes_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def surprise(*_: object) -> None:
        raise ZeroDivisionError

    world.add_row("abc")
    monkeypatch.setattr(SqliteStateStore, "begin", surprise)
    assert world.deliver({"code": "abc"}) == [0]


@pytest.mark.failure_row(47)
def test_wrong_settings_fail_at_once_and_name_everything(world: World, settings: Callable[..., None]) -> None:
    settings(QUALITY=0, STRATEGY="random")
    with pytest.raises(SettingsError, match=r"STRATEGY: .*; QUALITY: "):
        world.invoke({"code": "abc"})


def test_what_a_message_says_cannot_forge_a_log_line(world: World, logs: io.StringIO) -> None:
    world.deliver(json.dumps({"code": "abc", 'x\n{"level": "forged"}\n': 1}))
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    assert [line["level"] for line in lines] == ["ERROR"]
    assert "forged" in lines[0]["detail"]


_INDEX_THEN_NOTHING = """
import sys
if "framecrc" in sys.argv:
    sys.stderr.write("[info] Input #0, mov, from 'x':\\n[info]   Duration: 00:00:01.00, start: 0.000000\\n")
    sys.stderr.write("[info]   Stream #0:0: Video: h264\\n")
    print("#tb 0: 1/25\\n#codec_id 0: h264\\n#dimensions 0: 320x240")
    for n in range(25):  # times as `LISTED_STAMPS` has them written
        print(f"0, {n * 2**28 + 1 - 9 * 10**15}, {n}, {n + 2**52}, 100, 0x00000000")
"""


def fake_ffmpeg(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "fake-ffmpeg"
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return path


def _record(body: object) -> dict[str, Any]:
    return {
        "messageId": "id-1",
        "receiptHandle": "handle",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }
