"""What `is_extracted` promises, through the real handler."""

import threading
from pathlib import Path
from typing import Any

import pytest

from extractor.backends.storage.s3 import S3ObjectStore
from extractor.errors import StateUnavailableError, StorageUnavailableError
from tests.handler.conftest import World, assert_complete
from tests.support.media import clips


def test_a_video_becomes_frames_a_manifest_and_a_flipped_row(world: World, plain_clip: Path) -> None:
    world.add_video("abc", plain_clip)
    assert world.deliver({"code": "abc"}) == []
    assert world.is_extracted("abc")
    assert_complete(world, "abc")
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
    assert_complete(world, "abc")


def state_is_down(*_: object, **__: object) -> None:
    raise StateUnavailableError("down")


@pytest.mark.failure_row(42)
def test_frames_that_somebody_left_without_a_manifest_are_replaced_on_the_first_delivery(
    world: World, plain_clip: Path
) -> None:
    world.add_video("abc", plain_clip)
    for index in range(2):
        world.s3.put_object(Bucket="oriane-frames", Key=f"abc/{index:06d}.jpg", Body=b"of an older system")
    assert world.deliver({"code": "abc"}) == []
    assert_complete(world, "abc")


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
    assert_complete(world, "abc")
