"""STORYBOARD=true through the real handler: under the guarantee like the frames."""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from extractor.backends.storage.s3 import S3ObjectStore
from extractor.errors import StorageUnavailableError
from extractor.media.decode.decoder import FrameDecoder
from tests.handler.conftest import World

Settings = Callable[..., None]
EXTRAS = {"abc/contact-sheet.jpg", "abc/sprite-a.jpg", "abc/storyboard.vtt"}


@pytest.fixture
def board_world(world: World, settings: Settings, plain_clip: Path) -> World:
    """With one video, `abc`, of four seconds."""
    settings(STORYBOARD="true")
    world.add_video("abc", plain_clip)
    return world


def _extras(world: World) -> set[str]:
    manifest = world.manifest("abc")
    assert manifest is not None
    objects = world.objects()
    for extra in manifest.extras:
        assert (len(objects[extra.key]), hashlib.sha256(objects[extra.key]).hexdigest()) == (
            extra.size_bytes,
            extra.sha256,
        )
    return {extra.key for extra in manifest.extras}


@pytest.mark.parametrize("output", ["frames", "tar"])
def test_it_is_stored_and_listed_beside_the_frames(
    board_world: World, settings: Settings, output: str
) -> None:
    settings(OUTPUT=output)
    assert board_world.deliver({"code": "abc"}) == []
    assert _extras(board_world) == EXTRAS
    frames = {"abc/frames.tar"} if output == "tar" else {f"abc/{index:06d}.jpg" for index in range(4)}
    assert set(board_world.objects()) == EXTRAS | frames | {"abc/manifest.json"}


def test_players_are_told_what_the_files_are(board_world: World) -> None:
    board_world.deliver({"code": "abc"})
    types = {
        key: board_world.s3.head_object(Bucket="oriane-frames", Key=key)["ContentType"] for key in EXTRAS
    }
    assert types == {
        "abc/contact-sheet.jpg": "image/jpeg",
        "abc/sprite-a.jpg": "image/jpeg",
        "abc/storyboard.vtt": "text/vtt",
    }


def test_a_manifest_whose_storyboard_is_gone_proves_nothing(board_world: World) -> None:
    board_world.deliver({"code": "abc"})
    board_world.add_row("abc")
    board_world.s3.delete_object(Bucket="oriane-frames", Key="abc/sprite-a.jpg")
    assert board_world.deliver({"code": "abc"}) == []
    assert _extras(board_world) == EXTRAS


def test_it_is_added_to_a_video_that_was_done_without_one(board_world: World, settings: Settings) -> None:
    settings(STORYBOARD="false")
    board_world.deliver({"code": "abc"})
    assert _extras(board_world) == set()
    settings(STORYBOARD="true")
    board_world.add_row("abc")
    board_world.deliver({"code": "abc"})
    assert _extras(board_world) == EXTRAS


def test_one_that_nobody_asks_for_any_more_costs_no_second_decode(
    board_world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    board_world.deliver({"code": "abc"})
    settings(STORYBOARD="false")
    board_world.add_row("abc")
    monkeypatch.setattr(FrameDecoder, "__iter__", _never)
    assert board_world.deliver({"code": "abc"}, receive_count=2) == []
    assert board_world.is_extracted("abc")


@pytest.mark.failure_row(33)
def test_one_that_cannot_be_stored_leaves_no_manifest_and_no_flip(
    board_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = S3ObjectStore.put

    def refuse_track(
        store: S3ObjectStore, key: str, data: bytes, *, content_type: str, sha256: str, replaces: str | None
    ) -> str:
        if key.endswith(".vtt"):
            raise StorageUnavailableError("refused")
        return put(store, key, data, content_type=content_type, sha256=sha256, replaces=replaces)

    with monkeypatch.context() as broken:
        broken.setattr(S3ObjectStore, "put", refuse_track)
        assert board_world.deliver({"code": "abc"}) == [0]
    assert board_world.manifest("abc") is None
    assert not board_world.is_extracted("abc")
    assert board_world.deliver({"code": "abc"}, receive_count=2) == []
    assert _extras(board_world) == EXTRAS


def test_nobody_pays_for_it_who_does_not_ask_for_it(
    board_world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(STORYBOARD="false")
    for name in [name for name in sys.modules if name.startswith("extractor.output.storyboard")]:
        monkeypatch.delitem(sys.modules, name)
    board_world.deliver({"code": "abc"})
    assert not [name for name in sys.modules if name.startswith("extractor.output.storyboard")]


def _never(*_: object) -> None:
    raise AssertionError("nothing may be decoded here")
