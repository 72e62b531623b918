"""What `is_extracted` promises, through the real handler."""

import ctypes
import hashlib
import io
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extractor.adapters.s3 import S3ObjectStore
from extractor.adapters.sqlite import SqliteStateStore
from extractor.errors import StateUnavailableError, StorageUnavailableError
from extractor.media.frames import FrameDecoder
from tests.handler.conftest import World
from tests.media import clips


def _assert_complete(world: World, code: str) -> None:
    manifest = world.manifest(code)
    assert manifest is not None
    assert manifest.frames
    stored = world.objects()
    for frame in manifest.frames:
        assert len(stored[frame.key]) == frame.size_bytes
        assert hashlib.sha256(stored[frame.key]).hexdigest() == frame.sha256


def test_a_video_becomes_frames_a_manifest_and_a_flipped_row(world: World, plain_clip: Path) -> None:
    world.add_video("abc", plain_clip)
    assert world.deliver({"code": "abc"}) == []
    assert world.is_extracted("abc")
    _assert_complete(world, "abc")
    assert set(world.objects()) == {f"abc/{index:06d}.jpg" for index in range(4)} | {"abc/manifest.json"}


def test_the_manifest_tells_what_was_done(world: World, plain_clip: Path) -> None:
    world.add_video("abc", plain_clip)
    world.deliver({"code": "abc", "interval": 2})
    manifest = world.manifest("abc")
    assert manifest is not None
    assert manifest.source.bucket == "oriane-videos"
    assert manifest.source.key == "abc.mp4"
    assert manifest.source.etag
    assert manifest.source.size_bytes == plain_clip.stat().st_size
    assert (manifest.video.codec, manifest.video.width, manifest.video.height) == ("h264", 320, 240)
    assert (manifest.video.duration_seconds, manifest.video.frame_count, manifest.video.frame_rate) == (
        4,
        100,
        25,
    )
    assert [(frame.slot, frame.pts_seconds) for frame in manifest.frames] == [(0, 0.0), (1, 2.0)]
    assert (manifest.decoded_seconds, manifest.decode_errors, manifest.truncated) == (4, 0, False)
    assert set(manifest.timings) == {"state", "download", "index", "extract"}
    assert manifest.ffmpeg_version[0].isdigit() or manifest.ffmpeg_version.startswith("n")


def test_a_platform_is_a_folder(world: World, plain_clip: Path) -> None:
    world.add_video("abc", plain_clip, key="tiktok/abc/video.mp4")
    assert world.deliver({"code": "abc", "platform": "tiktok"}) == []
    assert "tiktok/abc/000000.jpg" in world.objects()


@pytest.mark.failure_row(41)
def test_the_same_message_again_decodes_nothing_and_changes_nothing(
    world: World, plain_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_video("abc", plain_clip)
    world.deliver({"code": "abc"})
    before = world.objects()
    monkeypatch.setattr(FrameDecoder, "__iter__", _never)
    assert world.deliver({"code": "abc"}) == []
    assert world.objects() == before


@pytest.mark.failure_row(38)
def test_a_state_that_was_down_after_the_uploads_costs_no_second_decode(
    world: World, plain_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_video("abc", plain_clip)
    with monkeypatch.context() as broken:
        broken.setattr(SqliteStateStore, "mark_extracted", _state_is_down)
        assert world.deliver({"code": "abc"}) == [0]
    assert not world.is_extracted("abc")
    monkeypatch.setattr(FrameDecoder, "__iter__", _never)
    assert world.deliver({"code": "abc"}, receive_count=2) == []
    assert world.is_extracted("abc")


def test_a_manifest_whose_frames_are_gone_proves_nothing(world: World, plain_clip: Path) -> None:
    world.add_video("abc", plain_clip)
    world.deliver({"code": "abc"})
    world.add_row("abc")
    world.s3.delete_object(Bucket="oriane-frames", Key="abc/000002.jpg")
    assert not world.is_extracted("abc")
    assert world.deliver({"code": "abc"}) == []
    _assert_complete(world, "abc")


@pytest.mark.failure_row(33)
def test_one_frame_that_cannot_be_stored_leaves_no_manifest_and_no_flip(
    world: World, plain_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_video("abc", plain_clip)
    put = S3ObjectStore.put

    def refuse_one(
        store: S3ObjectStore, key: str, data: bytes, *, content_type: str, sha256: str, replaces: str | None
    ) -> str:
        if key.endswith("000002.jpg"):
            raise StorageUnavailableError("refused")
        return put(store, key, data, content_type=content_type, sha256=sha256, replaces=replaces)

    with monkeypatch.context() as broken:
        broken.setattr(S3ObjectStore, "put", refuse_one)
        assert world.deliver({"code": "abc"}) == [0]
    assert world.manifest("abc") is None
    assert not world.is_extracted("abc")
    assert world.deliver({"code": "abc"}, receive_count=2) == []
    _assert_complete(world, "abc")


@pytest.mark.failure_row(35)
def test_another_policy_leaves_no_stale_frames(world: World, plain_clip: Path) -> None:
    world.add_video("abc", plain_clip)
    world.deliver({"code": "abc", "interval": 0.5})
    world.add_row("abc")
    world.deliver({"code": "abc", "interval": 2})
    _assert_complete(world, "abc")
    assert set(world.objects()) == {"abc/000000.jpg", "abc/000001.jpg", "abc/manifest.json"}


def test_a_source_that_was_replaced_is_done_again(world: World, plain_clip: Path, clip_dir: Path) -> None:
    world.add_video("abc", plain_clip)
    world.deliver({"code": "abc"})
    world.add_video("abc", clips.plain(clip_dir / "two.mp4", 2))
    assert world.deliver({"code": "abc"}) == []
    manifest = world.manifest("abc")
    assert manifest is not None
    assert len(manifest.frames) == 2


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
    monkeypatch.setattr(SqliteStateStore, "mark_extracted", _state_is_down)
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


def test_nothing_of_a_video_stays_on_the_disk(world: World, plain_clip: Path) -> None:
    world.add_video("good", plain_clip)
    world.add_video("bad", b"not a video at all")
    world.deliver({"code": "good"}, {"code": "bad"})
    assert list(world.work_dir.iterdir()) == []


def test_metrics_are_lines_that_cloudwatch_reads(
    world: World, plain_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.add_video("good", plain_clip)
    world.add_row("missing")
    world.deliver({"code": "good"}, {"code": "missing"})
    metrics: dict[str, object] = {}
    for line in capsys.readouterr().out.splitlines():
        if '"_aws"' in line:
            metrics |= json.loads(line)
    assert metrics["Frames"] == [4.0]
    assert metrics["reason"] == "VIDEO_MISSING"
    for name in ("Videos", "FrameBytes", "DownloadSeconds", "ExtractSeconds", "RealTimeFactor", "Failures"):
        assert name in metrics


def test_each_outcome_is_one_log_line_with_its_request(
    world: World, plain_clip: Path, logs: io.StringIO
) -> None:
    world.add_video("good", plain_clip)
    world.add_row("missing")
    world.add_row("waiting", is_fetched=False)
    world.deliver({"code": "good"}, {"code": "missing"}, {"code": "waiting"})
    lines = {line["code"]: line for line in map(json.loads, logs.getvalue().splitlines())}
    assert (lines["good"]["message"], lines["good"]["outcome"]) == ("done", "extracted")
    assert (lines["missing"]["message"], lines["missing"]["reason"]) == ("failed for good", "VIDEO_MISSING")
    assert (lines["waiting"]["message"], lines["waiting"]["reason"]) == (
        "another delivery is needed",
        "NOT_FETCHED",
    )
    assert all(line["function_request_id"] for line in lines.values())


def test_stages_are_traced_where_that_is_asked_for(
    world: World, plain_clip: Path, settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")  # no daemon is here to take the segments
    settings(TRACING="true")
    world.add_video("abc", plain_clip)
    assert world.deliver({"code": "abc"}) == []
    assert world.is_extracted("abc")


@pytest.mark.skipif(sys.platform != "linux", reason="a protection that only Linux has")
def test_the_decoder_cannot_read_the_workers_environment(world: World, plain_clip: Path) -> None:
    world.add_video("abc", plain_clip)
    world.deliver({"code": "abc"})
    get_dumpable = 3
    assert ctypes.CDLL(None).prctl(get_dumpable, 0, 0, 0, 0) == 0


def _never(*_: object) -> None:
    raise AssertionError("nothing may be decoded here")


def _state_is_down(*_: object, **__: object) -> None:
    raise StateUnavailableError("down")


@pytest.mark.failure_row(42)
def test_frames_that_somebody_left_without_a_manifest_are_replaced_on_the_first_delivery(
    world: World, plain_clip: Path
) -> None:
    world.add_video("abc", plain_clip)
    for index in range(2):
        world.s3.put_object(Bucket="oriane-frames", Key=f"abc/{index:06d}.jpg", Body=b"of an older system")
    assert world.deliver({"code": "abc"}) == []
    _assert_complete(world, "abc")


@pytest.mark.failure_row(33)
@pytest.mark.failure_row(41)
def test_frames_that_are_stored_already_are_not_sent_again(
    world: World, plain_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_video("abc", plain_clip)
    world.deliver({"code": "abc"})
    world.s3.delete_objects(
        Bucket="oriane-frames",
        Delete={"Objects": [{"Key": key} for key in ("abc/manifest.json", "abc/000002.jpg")]},
    )
    world.add_row("abc")
    sent = []
    put = S3ObjectStore.put

    def recording(store: S3ObjectStore, key: str, data: bytes, **options: Any) -> str:
        sent.append(key)
        return put(store, key, data, **options)

    monkeypatch.setattr(S3ObjectStore, "put", recording)
    assert world.deliver({"code": "abc"}, receive_count=2) == []
    assert sent == ["abc/000002.jpg", "abc/manifest.json"]
    _assert_complete(world, "abc")


@pytest.mark.failure_row(42)
def test_a_worker_that_was_paused_writes_over_nothing_that_another_has_finished(
    world: World, plain_clip: Path, clip_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wakes up after its first frame, when the video has been replaced and done by another worker."""
    world.add_video("abc", plain_clip)
    put = S3ObjectStore.put
    other = clips.plain(clip_dir / "newer.mp4", 3, pictures="testsrc=size=320x240:rate=25")
    paused = threading.Event()
    finished: list[Any] = []

    def pausing(store: S3ObjectStore, key: str, data: bytes, **options: Any) -> str:
        if key == "abc/000001.jpg" and not paused.is_set():
            paused.set()
            world.add_video("abc", other)
            (done,) = world.invoke({"code": "abc"})["results"]
            assert done["outcome"] == "extracted"
            finished.append(world.manifest("abc"))
        return put(store, key, data, **options)

    monkeypatch.setattr(S3ObjectStore, "put", pausing)
    assert world.deliver({"code": "abc"}) == []
    assert world.manifest("abc") == finished[0]
    _assert_complete(world, "abc")
