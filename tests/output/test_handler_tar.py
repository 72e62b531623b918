"""OUTPUT=tar through the real handler: the same guarantee, and the same frames, for fewer requests."""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from extractor.backends.storage.s3 import S3ObjectStore
from extractor.domain.frames import Frame
from extractor.domain.manifest import Manifest
from extractor.errors import StorageUnavailableError
from extractor.media.decode.decoder import FrameDecoder
from extractor.output import tar
from tests.handler.conftest import World

Settings = Callable[..., None]


@pytest.fixture
def tar_world(world: World, settings: Settings, plain_clip: Path) -> World:
    """With one video, `abc`, of four seconds."""
    settings(OUTPUT="tar")
    world.add_video("abc", plain_clip)
    return world


def _manifest(world: World) -> Manifest:
    manifest = world.manifest("abc")
    assert manifest is not None
    return manifest


def _frames(world: World) -> list[bytes]:
    """Each frame, by the byte range that the manifest gives for it."""
    manifest = _manifest(world)
    assert manifest.archive is not None
    tar = world.objects()[manifest.archive.key]
    assert (len(tar), hashlib.sha256(tar).hexdigest()) == (
        manifest.archive.size_bytes,
        manifest.archive.sha256,
    )
    ranges = zip(manifest.frames, manifest.archive.offsets, strict=True)
    frames = [tar[offset : offset + frame.size_bytes] for frame, offset in ranges]
    assert [hashlib.sha256(data).hexdigest() for data in frames] == [
        frame.sha256 for frame in manifest.frames
    ]
    return frames


def test_a_video_becomes_one_tar_a_manifest_and_a_flipped_row(tar_world: World) -> None:
    assert tar_world.deliver({"code": "abc"}) == []
    assert tar_world.is_extracted("abc")
    assert set(tar_world.objects()) == {"abc/frames.tar", "abc/manifest.json"}
    assert len(_frames(tar_world)) == 4


def test_the_frames_are_those_of_the_other_output(tar_world: World, settings: Settings) -> None:
    tar_world.deliver({"code": "abc"})
    packed = dict(zip([frame.key for frame in _manifest(tar_world).frames], _frames(tar_world), strict=True))
    settings(OUTPUT="frames")
    tar_world.add_row("abc")
    tar_world.deliver({"code": "abc"})
    objects = tar_world.objects()
    assert {key: data for key, data in objects.items() if key.endswith(".jpg")} == packed


def test_one_frame_can_be_read_alone(tar_world: World) -> None:
    tar_world.deliver({"code": "abc"})
    manifest = _manifest(tar_world)
    assert manifest.archive is not None
    frame, start = manifest.frames[2], manifest.archive.offsets[2]
    answer = tar_world.s3.get_object(
        Bucket="oriane-frames", Key="abc/frames.tar", Range=f"bytes={start}-{start + frame.size_bytes - 1}"
    )
    assert hashlib.sha256(answer["Body"].read()).hexdigest() == frame.sha256


@pytest.mark.parametrize(("before", "after"), [("frames", "tar"), ("tar", "frames")])
def test_another_output_replaces_the_one_before_and_leaves_nothing_of_it(
    tar_world: World, settings: Settings, before: str, after: str
) -> None:
    names = {"tar": {"abc/frames.tar"}, "frames": {f"abc/{index:06d}.jpg" for index in range(4)}}
    for output in (before, after):
        settings(OUTPUT=output)
        tar_world.add_row("abc")
        assert tar_world.deliver({"code": "abc"}) == []
        assert set(tar_world.objects()) == names[output] | {"abc/manifest.json"}


def test_what_is_done_is_not_done_again(tar_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tar_world.deliver({"code": "abc"})
    tar_world.add_row("abc")
    before = tar_world.objects()
    monkeypatch.setattr(FrameDecoder, "__iter__", _never)
    assert tar_world.deliver({"code": "abc"}, receive_count=2) == []
    assert tar_world.is_extracted("abc")
    assert tar_world.objects() == before


def test_a_manifest_whose_tar_is_gone_proves_nothing(tar_world: World) -> None:
    tar_world.deliver({"code": "abc"})
    tar_world.add_row("abc")
    tar_world.s3.delete_object(Bucket="oriane-frames", Key="abc/frames.tar")
    assert tar_world.deliver({"code": "abc"}) == []
    assert len(_frames(tar_world)) == 4


def test_a_retry_makes_the_same_tar(tar_world: World) -> None:
    tar_world.deliver({"code": "abc"})
    before = tar_world.objects()["abc/frames.tar"]
    tar_world.s3.delete_object(Bucket="oriane-frames", Key="abc/manifest.json")
    tar_world.add_row("abc")
    assert tar_world.deliver({"code": "abc"}, receive_count=2) == []
    assert tar_world.objects()["abc/frames.tar"] == before


@pytest.mark.failure_row(33)
def test_a_tar_that_cannot_be_stored_leaves_no_manifest_and_no_flip(
    tar_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(S3ObjectStore, "put_parts", _refused)
        assert tar_world.deliver({"code": "abc"}) == [0]
    assert tar_world.objects() == {}
    assert not tar_world.is_extracted("abc")
    assert tar_world.deliver({"code": "abc"}, receive_count=2) == []


@pytest.mark.failure_row(35)
def test_a_decode_that_fails_under_way_leaves_nothing_in_the_bucket_and_no_upload_open(
    tar_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tar, "PART_BYTES", 5 << 20)
    whole = FrameDecoder.__iter__

    def breaking(decoder: FrameDecoder) -> Iterator[Frame]:
        for frame in whole(decoder):
            for index in range(3):  # large enough for several parts
                yield Frame(index, index, frame.pts_seconds, bytes(6 << 20), 320, 240)
            raise StorageUnavailableError("the disk is gone")

    monkeypatch.setattr(FrameDecoder, "__iter__", breaking)
    assert tar_world.deliver({"code": "abc"}) == [0]
    assert tar_world.objects() == {}
    assert "Uploads" not in tar_world.s3.list_multipart_uploads(Bucket="oriane-frames")


def test_a_layout_with_a_frames_folder_has_its_tar_there(tar_world: World, settings: Settings) -> None:
    settings(FRAMES_LAYOUT="seconds")
    assert tar_world.deliver({"code": "abc"}) == []
    assert set(tar_world.objects()) == {
        "abc/frames/1sec/frames.tar",
        "abc/frames/1sec/manifest.json",
    }


def test_the_tar_is_a_shard_of_samples(tar_world: World) -> None:
    tar_world.deliver({"code": "abc"})
    with tarfile.open(fileobj=io.BytesIO(tar_world.objects()["abc/frames.tar"])) as tar:
        names = tar.getnames()
    assert names == [f"abc/{index:06d}.{ending}" for index in range(4) for ending in ("jpg", "json")]


@pytest.mark.operations_row(29)
def test_samples_of_a_platform_are_told_from_those_of_another(tar_world: World, plain_clip: Path) -> None:
    tar_world.add_video("abc", plain_clip, key="instagram/abc/video.mp4")
    tar_world.deliver({"code": "abc", "platform": "instagram"})
    with tarfile.open(fileobj=io.BytesIO(tar_world.objects()["instagram/abc/frames.tar"])) as tar:
        assert tar.getnames()[0] == "instagram/abc/000000.jpg"


def _refused(*_: object, **__: object) -> str:
    raise StorageUnavailableError("refused")


def _never(*_: object) -> None:
    raise AssertionError("nothing may be decoded here")
