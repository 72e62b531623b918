"""The older system with DynamoDB and this function take turns at one table and one bucket."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote_plus

import boto3
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import lambda_function
from extractor.errors import SettingsError
from tests.handler.conftest import Context
from tests.migration.older_system import VARIABLES, OlderSystem, frames_of, video_id
from tests.migration.stage import Stage
from tests.support.media import clips

SetUp = Callable[[Mapping[str, str]], Stage]

KEY = "uploads/My holiday, 1+2 & 100%25.mp4"


@pytest.fixture
def stage(set_up: SetUp) -> Stage:
    return set_up({**VARIABLES, "STATE_BACKEND": "dynamodb"})


@pytest.fixture
def older(stage: Stage) -> OlderSystem:
    return OlderSystem(stage.s3, boto3.client("dynamodb"))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return clips.plain(tmp_path / "clip.mp4", 2, pictures="testsrc2=size=160x120:rate=30")


def _upload(older: OlderSystem, clip: Path, key: str = KEY) -> str:
    etag = older.s3.put_object(Bucket=older.bucket, Key=key, Body=clip.read_bytes())["ETag"].strip('"')
    return video_id(older.bucket, key, etag)


def _message(key: str) -> str:
    return json.dumps({"bucket": VARIABLES["BUCKET_NAME"], "key": key})


def _types(item: Mapping[str, Any] | None) -> dict[str, str]:
    assert item is not None
    return {name: next(iter(value)) for name, value in item.items()}


def test_its_own_variables_lack_one_setting_and_the_function_names_it(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up({**VARIABLES, "STATE_BACKEND": "dynamodb"})
    for name in ("STATE_BACKEND", "SQLITE_PATH", "SUPABASE_URL", "SUPABASE_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError, match=r"^STATE_BACKEND: .*STATE_BACKEND=dynamodb$"):
        lambda_function.lambda_handler(json.loads(_message(KEY)), cast(Any, Context()))


@pytest.mark.parametrize("key", [KEY, quote_plus(KEY, safe="/"), quote_plus(KEY)])
def test_items_and_frames_are_those_of_the_older_system(
    stage: Stage, older: OlderSystem, clip: Path, key: str
) -> None:
    """What each of them makes of a video of its own is compared: names and types of the attributes, their
    values, keys and pictures."""
    ours = _upload(older, clip)
    stage.deliver(_message(key))
    theirs = _upload(older, clip, "uploads/theirs.mp4")
    older.run({"bucket": older.bucket, "key": "uploads/theirs.mp4"})

    our_item, their_item = older.item(ours), older.item(theirs)
    assert our_item is not None
    assert their_item is not None
    assert _types(our_item) == _types(their_item)
    assert our_item["original_key"] == {"S": KEY}
    for name in ("frames_count", "scenes_count", "total_frames", "video_fps", "duration_seconds"):
        assert float(our_item[name]["N"]) == float(their_item[name]["N"])
    assert our_item["status"] == their_item["status"] == {"S": "processed"}
    assert our_item["updated_at"]["N"].isdecimal()

    objects = stage.objects(older.bucket, but=[KEY, "uploads/theirs.mp4"])
    our_frames = {key.rpartition("/")[2]: data for key, data in objects.items() if f"/{ours}/" in key}
    their_frames = {key.rpartition("/")[2]: data for key, data in objects.items() if f"/{theirs}/" in key}
    assert our_frames.keys() == their_frames.keys() | {"manifest.json"}
    for name, data in their_frames.items():
        assert _difference(our_frames[name], data) < 4


def _picture(data: bytes) -> NDArray[np.int64]:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.int64)


def _difference(one: bytes, other: bytes) -> float:
    """The mean difference of two pictures in grey levels."""
    return float(np.abs(_picture(one) - _picture(other)).mean())


@pytest.mark.parametrize("rate", ["25", "45", "50", "60000/1001"])
def test_the_frames_are_every_nth_of_the_video(
    stage: Stage, older: OlderSystem, tmp_path: Path, rate: str
) -> None:
    """A picture tells its number by its brightness."""
    path = tmp_path / "counted.mp4"
    clips.ffmpeg(
        f"-f lavfi -i color=black:size=64x64:rate={rate}:duration=3"
        f" -vf geq=lum='16+2*mod(N\\,100)':cb=128:cr=128 -c:v libx264 -qp 4 -pix_fmt yuv420p {{0}}",
        path,
    )
    identifier = _upload(older, path)
    stage.deliver(_message(KEY))
    expected = [int(picture.mean()) for picture in frames_of(path)]
    assert len(set(expected)) > 20
    for number, level in enumerate(expected):
        data = stage.s3.get_object(Bucket=older.bucket, Key=f"frames/{identifier}/frame_{number:06d}.webp")[
            "Body"
        ].read()
        assert _picture(data).mean() == pytest.approx(level, abs=1.5), number
    item = older.item(identifier)
    assert item is not None
    assert item["frames_count"] == {"N": str(len(expected))}


def test_what_the_older_system_has_processed_is_not_done_again(
    stage: Stage, older: OlderSystem, clip: Path
) -> None:
    identifier = _upload(older, clip)
    older.run({"bucket": older.bucket, "key": quote_plus(KEY)})
    before = older.item(identifier)
    stage.deliver(_message(KEY))
    assert older.item(identifier) == before
    assert not [key for key in stage.objects(older.bucket, but=()) if key.endswith("manifest.json")]


def test_what_the_older_system_has_begun_waits_for_it(stage: Stage, older: OlderSystem, clip: Path) -> None:
    identifier = _upload(older, clip)
    assert older.begin(KEY) == identifier
    before = older.item(identifier)
    assert not stage.is_acknowledged(_message(KEY))
    assert older.item(identifier) == before
    older.finish(identifier, KEY)
    assert stage.is_acknowledged(_message(KEY))


def test_what_the_older_system_has_left_is_taken_over(stage: Stage, older: OlderSystem, clip: Path) -> None:
    identifier = _upload(older, clip)
    older.begin(KEY)
    older._update(identifier, processing_started_at={"N": str(int(time.time()) - 7200)}, owner={"S": "anna"})
    stage.deliver(_message(KEY))
    item = older.item(identifier)
    assert item is not None
    assert (item["status"], item["owner"]) == ({"S": "processed"}, {"S": "anna"})


def test_the_older_system_takes_ours_for_its_own(stage: Stage, older: OlderSystem, clip: Path) -> None:
    _upload(older, clip)
    stage.deliver(_message(KEY))
    assert older.run({"bucket": older.bucket, "key": quote_plus(KEY)}) is None


def test_a_failure_of_ours_is_tried_again_by_the_older_system(
    stage: Stage, older: OlderSystem, clip: Path
) -> None:
    broken = older.s3.put_object(Bucket=older.bucket, Key=KEY, Body=b"no video" * 100)["ETag"].strip('"')
    identifier = video_id(older.bucket, KEY, broken)
    stage.deliver(_message(KEY))
    item = older.item(identifier)
    assert _types(item) == {
        "video_id": "S",
        "status": "S",
        "error": "S",
        "original_key": "S",
        "processing_started_at": "N",
        "processing_finished_at": "N",
        "updated_at": "N",
    }
    assert older.begin(KEY) == identifier


def test_the_steps_of_the_page_lead_from_one_system_to_the_other_and_back(
    stage: Stage, older: OlderSystem, clip: Path
) -> None:
    keys = [f"uploads/{number}.mp4" for number in range(4)]
    done, left, compared, after = (_upload(older, clip, key) for key in keys)
    older.run({"bucket": older.bucket, "key": keys[0]})
    assert older.begin(keys[1]) == left  # and then it crashes
    older._update(left, processing_started_at={"N": str(int(time.time()) - 3600)})

    # 1. Beside the older system, nothing of it is touched.
    before = older.item(done)
    stage.deliver(_message(keys[0]))
    assert older.item(done) == before

    # 2. One object by hand.
    stage.invoke(_message(keys[2]))
    ours, theirs = older.item(compared), older.item(done)
    assert _types(ours) == _types(theirs)

    # 3. The notification goes to the new queue.
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": older.bucket}, "object": {"key": keys[3]}},
    }
    stage.deliver(json.dumps({"Records": [record]}))
    assert _types(older.item(after)) == _types(theirs)

    # 4. What was left is taken over when it is announced again.
    stage.deliver(_message(keys[1]))
    assert _types(older.item(left)) == _types(theirs)

    # 5. Back: the older system finds everything done.
    assert [older.run({"bucket": older.bucket, "key": key}) for key in keys] == [None] * 4
