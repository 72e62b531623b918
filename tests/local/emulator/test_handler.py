"""The handler under AWS's own emulator and runtime: what it answers, and what is there afterwards."""

import threading

import httpx
import pytest

from local.lambda_runtime.function import TimedOutError
from tests.local.emulator.conftest import World
from tests.support.servers.http import Answer, Request, forward, serving

NO_VIDEO = b"this is no video at all" * 100
TIMEOUT_SECONDS = 12  # long enough for a cold start on a busy machine


def test_a_good_video_is_extracted(world: World, clip: bytes) -> None:
    world.add_video("good", clip)
    with world.function() as function:
        assert function.invoke(world.receive('{"code": "good"}')) == {"batchItemFailures": []}
    assert world.is_extracted("good")
    assert [frame.pts_seconds for frame in world.manifest("good").frames] == [0, 1, 2]
    log = world.log.read_text()
    assert '"message":"done"' in log
    assert '"function_request_id":"' in log


def test_a_bad_video_is_dead_lettered_and_acknowledged(world: World) -> None:
    world.add_video("bad", NO_VIDEO)
    with world.function() as function:
        assert function.invoke(world.receive('{"code": "bad"}')) == {"batchItemFailures": []}
    assert not world.is_extracted("bad")
    assert world.error("bad").startswith("UNREADABLE")
    assert world.dead_letters()['{"code": "bad"}'] == "UNREADABLE"
    assert world.keys("bad") == set()


def test_a_direct_event_is_answered_with_what_became_of_its_videos(world: World, clip: bytes) -> None:
    world.add_video("first", clip)
    world.add_video("second", NO_VIDEO)
    with world.function() as function:
        answer = function.invoke({"items": [{"code": "first"}, {"code": "second"}]})
    good, bad = answer["results"]
    assert good == {"code": "first", "outcome": "extracted", "frames": 3}
    assert (bad["outcome"], bad["reason"]) == ("failed", "UNREADABLE")
    assert len(world.manifest("first").frames) == 3


@pytest.mark.failure_row(5)
def test_only_the_record_that_may_succeed_later_comes_back(world: World, clip: bytes) -> None:
    world.add_video("now", clip)
    world.add_video("later", clip)
    event = world.receive('{"code": "now"}', '{"code": "later", "bucket": "forbidden", "key": "later.mp4"}')
    event["Records"].sort(key=lambda record: "later" in record["body"])
    with world.function() as function:
        answer = function.invoke(event)
    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["messageId"]}]}
    assert world.is_extracted("now")
    assert not world.is_extracted("later")


@pytest.mark.failure_row(30)
def test_an_invocation_that_was_killed_in_its_uploads_is_finished_by_the_next(
    world: World, clip: bytes
) -> None:
    world.add_video("slow", clip)
    passing = threading.Event()
    uploading = threading.Event()
    with httpx.Client(base_url=world.cloud.endpoint_url) as upstream:

        def s3(request: Request) -> Answer:
            if request.method == "PUT":
                uploading.set()
                passing.wait()
            return forward(request, upstream)

        with (
            serving(s3) as url,
            world.function(TIMEOUT_SECONDS, AWS_ENDPOINT_URL_S3=url) as function,
        ):
            event = world.receive('{"code": "slow"}')
            try:
                with pytest.raises(TimedOutError):
                    function.invoke(event)
                assert uploading.is_set()
                assert not world.is_extracted("slow")
            finally:
                passing.set()
            assert function.invoke(event) == {"batchItemFailures": []}
    assert world.is_extracted("slow")
    assert len(world.manifest("slow").frames) == 3
    assert list((world.directory / "work").iterdir()) == []
