"""What may be wrong with the object that holds the video, over the wire."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from extractor import container
from extractor.backends.aws import build_client
from tests.handler.conftest import World
from tests.handler.faults import faulty_s3, refusal
from tests.support.media import clips
from tests.support.servers.http import Answer, Request


def _of_video(request: Request) -> bool:
    return request.method == "GET" and "/oriane-videos/" in request.path


@pytest.mark.failure_row(10)
def test_an_archived_video_is_final(world: World, server: str, settings: Callable[..., None]) -> None:
    world.add_row("abc")
    fault = lambda request: refusal(403, "InvalidObjectState") if _of_video(request) else None  # noqa: E731
    with faulty_s3(server, settings, fault):
        assert world.deliver({"code": "abc"}) == []
    (letter,) = world.dead_letters()
    assert letter["reason"] == "ARCHIVED"


@pytest.mark.failure_row(11)
def test_a_video_that_is_overwritten_meanwhile_never_gives_mixed_frames(
    world: World, server: str, settings: Callable[..., None], plain_clip: Path, clip_dir: Path
) -> None:
    world.add_video("abc", plain_clip)
    other = clips.plain(clip_dir / "overwriting.mp4", 2)
    seen: list[Any] = []

    def overwrite(request: Request) -> Answer | None:
        if request.method == "PUT" and not seen:  # the first frame is on its way
            seen.append(world.s3.put_object(Bucket="oriane-videos", Key="abc.mp4", Body=other.read_bytes()))
        return None

    with faulty_s3(server, settings, overwrite):
        assert world.deliver({"code": "abc"}) == []
    manifest = world.manifest("abc")
    assert manifest is not None
    assert len(manifest.frames) == 4  # all of the version that the manifest names
    assert manifest.source.size_bytes == plain_clip.stat().st_size
    assert manifest.source.etag != seen[0]["ETag"].strip('"')


@pytest.mark.failure_row(12)
def test_a_body_that_ends_early_is_fetched_again(
    world: World, server: str, settings: Callable[..., None], plain_clip: Path
) -> None:
    world.add_video("abc", plain_clip)
    short = Answer(200, b"x" * 1000, {"ETag": '"v1"'}, promised_bytes=5000)
    with faulty_s3(server, settings, lambda request: short if _of_video(request) else None):
        assert world.deliver({"code": "abc"}) == [0]
    assert world.dead_letters() == []
    assert world.deliver({"code": "abc"}, receive_count=2) == []
    assert world.is_extracted("abc")


@pytest.mark.failure_row(13)
@pytest.mark.failure_row(29)
def test_a_video_that_the_disk_cannot_hold_is_refused_before_it_is_fetched(
    world: World, plain_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_video("abc", plain_clip)
    monkeypatch.setattr(
        "extractor.pipeline.disk_space.shutil.disk_usage", lambda _: SimpleNamespace(free=1000)
    )
    assert world.deliver({"code": "abc"}) == []
    (letter,) = world.dead_letters()
    assert letter["reason"] == "TOO_LARGE"
    assert "1000 bytes free" in letter["detail"]


@pytest.mark.failure_row(32)
def test_storage_that_stays_away_brings_the_message_back(
    world: World, server: str, settings: Callable[..., None], plain_clip: Path
) -> None:
    world.add_video("abc", plain_clip)
    tries: list[str] = []

    def slow_down(request: Request) -> Answer | None:
        if request.method == "PUT" and request.path.endswith("000001.jpg"):
            tries.append(request.path)
            return refusal(503, "SlowDown")
        return None

    with faulty_s3(server, settings, slow_down):
        assert world.deliver({"code": "abc"}) == [0]
    assert len(tries) == 4  # the SDK's attempts, and no loop of our own around them
    assert world.manifest("abc") is None
    assert world.deliver({"code": "abc"}, receive_count=2) == []
    assert world.is_extracted("abc")


@pytest.mark.failure_row(34)
def test_a_write_whose_answer_is_lost_is_recognised(
    world: World, server: str, settings: Callable[..., None], plain_clip: Path
) -> None:
    world.add_video("abc", plain_clip)
    lost: set[str] = set()

    def lose_first_answer(request: Request) -> Answer | None:
        if request.method != "PUT" or request.path in lost:
            return None
        lost.add(request.path)
        key = request.path.split("/oriane-frames/")[1].partition("?")[0]
        world.s3.put_object(
            Bucket="oriane-frames",
            Key=key,
            Body=request.body,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=request.headers["x-amz-checksum-sha256"],
        )
        return refusal(500, "InternalError")

    with faulty_s3(server, settings, lose_first_answer):
        assert world.deliver({"code": "abc"}) == []
    assert len(lost) == 5  # four frames and the manifest
    assert world.is_extracted("abc")


@pytest.mark.failure_row(36)
@pytest.mark.parametrize("workers", [1, 16, 64])
def test_there_is_a_connection_for_every_thread(
    world: World,
    settings: Callable[..., None],
    workers: int,
    plain_clip: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings(UPLOAD_WORKERS=workers)
    world.add_video("abc", plain_clip)
    assert world.deliver({"code": "abc", "interval": 0.04}) == []
    assert "pool is full" not in caplog.text
    client = container._s3_client(workers + container._SPARE_CONNECTIONS, build_client)
    assert client.meta.config.max_pool_connections > workers  # type: ignore[attr-defined]
