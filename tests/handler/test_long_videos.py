"""A run that is cut off is gone on with; one that never could end is given up early."""

import io
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from extractor.backends.storage.s3 import S3ObjectStore
from extractor.errors import DeadlineError
from extractor.media.decode.schedule import schedule_rest
from tests.handler.conftest import World
from tests.support.media import clips


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Too large for a single pass; a keyframe every two seconds."""
    pictures = "testsrc2=size=640x360:rate=25"
    return clips.plain(tmp_path_factory.mktemp("long") / "long.mp4", 20, pictures=pictures)


@pytest.fixture
def cut_off(world: World, long_clip: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The time of the first invocation ended after some ten frames."""
    world.add_video("abc", long_clip)
    put = S3ObjectStore.put

    def too_late(store: S3ObjectStore, key: str, data: bytes, **options: Any) -> str:
        if key.endswith("000010.jpg"):
            raise DeadlineError("the time of this invocation ended")
        return put(store, key, data, **options)

    with monkeypatch.context() as late:
        late.setattr(S3ObjectStore, "put", too_late)
        assert world.deliver({"code": "abc"}) == [0]
    assert "abc/interim.json" in world.objects()
    return world


@pytest.fixture
def rest(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many frames a run that goes on has to make."""
    made: list[int] = []

    def recording(*arguments: Any) -> Any:
        schedule = schedule_rest(*arguments)
        made.append(len(schedule.targets or ()))
        return schedule

    monkeypatch.setattr("extractor.pipeline.resume.schedule_rest", recording)
    return made


@pytest.mark.failure_row(31)
@pytest.mark.failure_row(33)
def test_the_next_delivery_goes_on_and_ends_with_the_same_manifest(
    cut_off: World, rest: list[int], long_clip: Path
) -> None:
    assert cut_off.deliver({"code": "abc"}, receive_count=2) == []
    resumed = cut_off.manifest("abc")
    assert resumed is not None
    assert rest == [10]
    assert "abc/interim.json" not in cut_off.objects()
    cut_off.add_video("whole", long_clip)
    assert cut_off.deliver({"code": "whole"}) == []
    whole = cut_off.manifest("whole")
    assert whole is not None
    describe = [[replace(frame, key="") for frame in manifest.frames] for manifest in (resumed, whole)]
    assert describe[0] == describe[1]
    assert resumed.decoded_seconds == whole.decoded_seconds


@pytest.mark.failure_row(31)
def test_a_run_that_stores_the_audio_track_goes_on_as_well(
    cut_off: World, rest: list[int], settings: Callable[..., None]
) -> None:
    settings(AUDIO="copy")
    assert cut_off.deliver({"code": "abc"}, receive_count=2) == []
    manifest = cut_off.manifest("abc")
    assert manifest is not None
    assert (rest, len(manifest.frames)) == ([10], 20)
    assert manifest.notes == ("the video has no audio track",)


def test_a_run_with_other_settings_does_not_go_on(cut_off: World, rest: list[int]) -> None:
    assert cut_off.deliver({"code": "abc", "quality": 50}, receive_count=2) == []
    manifest = cut_off.manifest("abc")
    assert manifest is not None
    assert (rest, len(manifest.frames)) == ([], 20)


def test_a_run_over_a_newer_video_does_not_go_on(cut_off: World, rest: list[int], tmp_path: Path) -> None:
    cut_off.add_video("abc", clips.plain(tmp_path / "newer.mp4", 15, pictures="testsrc=size=640x360:rate=25"))
    assert cut_off.deliver({"code": "abc"}, receive_count=2) == []
    manifest = cut_off.manifest("abc")
    assert manifest is not None
    assert (rest, len(manifest.frames)) == ([], 15)


def test_a_frame_that_is_gone_is_made_again_with_all_that_follow(cut_off: World, rest: list[int]) -> None:
    cut_off.s3.delete_object(Bucket="oriane-frames", Key="abc/000004.jpg")
    assert cut_off.deliver({"code": "abc"}, receive_count=2) == []
    assert rest == [16]


@pytest.mark.parametrize("record", [b"", b"{}", b"[1]", b"\xff", b'{"schema_version": 1, "frames": 3}'])
def test_a_record_that_makes_no_sense_is_no_obstacle(cut_off: World, rest: list[int], record: bytes) -> None:
    cut_off.s3.put_object(Bucket="oriane-frames", Key="abc/interim.json", Body=record)
    assert cut_off.deliver({"code": "abc"}, receive_count=2) == []
    assert cut_off.is_extracted("abc")
    assert rest == []


@pytest.mark.failure_row(31)
def test_a_decode_that_never_could_end_is_given_up_early(
    world: World, monkeypatch: pytest.MonkeyPatch, clip_dir: Path, logs: io.StringIO
) -> None:
    """An interlaced video is decoded in full, each time from its start. Here every frame takes long."""
    interlaced = "libx264 -preset ultrafast -g 50 -pix_fmt yuv420p -flags +ildct+ilme"
    world.add_video("abc", clips.plain(clip_dir / "interlaced.mp4", 20, encoded=interlaced))

    seconds = itertools.count(time.monotonic(), 10)
    monkeypatch.setattr("extractor.pipeline.extract.monotonic", lambda: next(seconds))
    assert world.deliver({"code": "abc"}) == [0]
    assert world.manifest("abc") is None
    assert world.dead_letters() == []
    assert "decoding this video takes about" in logs.getvalue()
