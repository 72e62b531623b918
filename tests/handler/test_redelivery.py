"""A message that comes again costs little, and mends what is not whole."""

from pathlib import Path
from typing import Any

import pytest

from extractor.backends.state.sqlite import SqliteStateStore
from extractor.backends.storage.s3 import S3ObjectStore
from extractor.media.decode.decoder import FrameDecoder
from tests.handler.conftest import World, assert_complete
from tests.handler.faults import state_is_down
from tests.support.media import clips


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
        broken.setattr(SqliteStateStore, "mark_extracted", state_is_down)
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
    assert_complete(world, "abc")


@pytest.mark.failure_row(35)
def test_another_policy_leaves_no_stale_frames(world: World, plain_clip: Path) -> None:
    world.add_video("abc", plain_clip)
    world.deliver({"code": "abc", "interval": 0.5})
    world.add_row("abc")
    world.deliver({"code": "abc", "interval": 2})
    assert_complete(world, "abc")
    assert set(world.objects()) == {"abc/000000.jpg", "abc/000001.jpg", "abc/manifest.json"}


def test_a_source_that_was_replaced_is_done_again(world: World, plain_clip: Path, clip_dir: Path) -> None:
    world.add_video("abc", plain_clip)
    world.deliver({"code": "abc"})
    world.add_video("abc", clips.plain(clip_dir / "two.mp4", 2))
    assert world.deliver({"code": "abc"}) == []
    manifest = world.manifest("abc")
    assert manifest is not None
    assert len(manifest.frames) == 2


def _never(*_: object) -> None:
    raise AssertionError("nothing may be decoded here")


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
    assert_complete(world, "abc")
