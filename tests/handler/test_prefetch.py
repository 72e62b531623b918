"""The next video is fetched while the present one is decoded, and nothing depends on it."""

import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from extractor.backends.storage.s3 import S3ObjectStore, S3ObjectStream
from tests.handler.conftest import World


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Each video that is opened, and the thread that does it."""
    seen: list[tuple[str, str]] = []
    original = S3ObjectStore.open

    def recording(store: S3ObjectStore, key: str) -> AbstractContextManager[S3ObjectStream]:
        if key.endswith(".mp4"):
            seen.append((key, threading.current_thread().name))
        return original(store, key)

    monkeypatch.setattr(S3ObjectStore, "open", recording)
    return seen


def test_each_following_video_is_fetched_ahead_and_only_once(
    world: World, plain_clip: Path, opened: list[tuple[str, str]]
) -> None:
    codes = ["a", "b", "c"]
    for code in codes:
        world.add_video(code, plain_clip)
    assert world.deliver(*({"code": code} for code in codes)) == []
    assert all(world.is_extracted(code) for code in codes)
    assert sorted(key for key, _ in opened) == ["a.mp4", "b.mp4", "c.mp4"]
    assert [thread for _, thread in opened] == ["MainThread", "prefetch", "prefetch"]
    assert list(world.work_dir.iterdir()) == []


def test_the_items_of_one_message_are_fetched_ahead_too(
    world: World, plain_clip: Path, opened: list[tuple[str, str]]
) -> None:
    for code in ("a", "b"):
        world.add_video(code, plain_clip)
    assert world.deliver({"items": [{"code": "a"}, {"code": "b"}]}) == []
    assert opened == [("a.mp4", "MainThread"), ("b.mp4", "prefetch")]


def test_a_fetch_that_fails_leaves_the_failure_to_its_own_job(world: World, plain_clip: Path) -> None:
    world.add_video("a", plain_clip)
    world.add_row("missing")
    bodies = [{"code": "a"}, {"code": "missing"}]
    assert world.deliver(*bodies) == []
    (letter,) = world.dead_letters()
    assert (letter["code"], letter["reason"]) == ("missing", "VIDEO_MISSING")


def test_a_fetch_that_nobody_takes_is_cleared_away(
    world: World, plain_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_video("a", plain_clip)
    world.add_video("done", plain_clip)
    world.deliver({"code": "done"})
    assert world.deliver({"code": "a"}, {"code": "done"}) == []
    assert list(world.work_dir.iterdir()) == []
    assert not [thread for thread in threading.enumerate() if thread.name == "prefetch"]
