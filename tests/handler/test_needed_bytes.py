"""The worker fetches only the bytes that are needed of a video, if that pays; its frames are the same."""

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from extractor.backends.storage.s3.ranged_object import S3RangedObject
from extractor.domain.manifest import Manifest
from tests.handler.conftest import World
from tests.support.media import clips

HEAD = 1 << 12
PICTURES = "-f lavfi -i testsrc2=size=320x180:rate=25 -t 6 -c:v libx264 -preset ultrafast -crf 20 -g 25"
WANTED = {"timestamps": [4.3]}

Settings = Callable[..., None]


@pytest.fixture(autouse=True)
def _small_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small clips have gaps as well."""
    monkeypatch.setattr("extractor.backends.storage.s3.store._CHUNK_BYTES", HEAD)
    monkeypatch.setattr("extractor.pipeline.partial_copy.HEAD_BYTES", HEAD)
    monkeypatch.setattr("extractor.pipeline.needed_bytes._MAX_GAP_BYTES", 1 << 10)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    clips.ffmpeg(f"{PICTURES} {{0}}", path)
    return path


@pytest.fixture
def ranges(monkeypatch: pytest.MonkeyPatch) -> list[range]:
    """The ranges that were requested."""
    found: list[range] = []
    chunks = S3RangedObject.chunks

    def recorded(self: S3RangedObject, run: range) -> Iterator[bytes]:
        found.append(run)
        return chunks(self, run)

    monkeypatch.setattr(S3RangedObject, "chunks", recorded)
    return found


def _frames(world: World, code: str) -> list[tuple[str, float]]:
    manifest = world.manifest(code)
    assert isinstance(manifest, Manifest)
    return [(frame.sha256, frame.pts_seconds) for frame in manifest.frames]


def _expected(world: World, settings: Settings, video: Path | bytes) -> list[tuple[str, float]]:
    """The frames of the whole file."""
    settings(FETCH="all")
    world.add_video("whole", video)
    assert world.deliver({"code": "whole", **WANTED}) == []
    return _frames(world, "whole")


def _fetched(logs: io.StringIO) -> dict[str, int]:
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    return {line["code"]: line["fetched_bytes"] for line in lines if line["message"] == "done"}


def test_the_frames_are_those_of_the_whole_file_from_fewer_bytes_also_ahead(
    world: World, settings: Settings, clip: Path, ranges: list[range], logs: io.StringIO
) -> None:
    expected = _expected(world, settings, clip)
    size = clip.stat().st_size
    assert not ranges
    settings(FETCH="needed")
    for code in ("a", "b"):
        world.add_video(code, clip)
    assert world.deliver({"code": "a", **WANTED}, {"code": "b", **WANTED}) == []
    assert _frames(world, "a") == _frames(world, "b") == expected
    fetched = _fetched(logs)
    assert fetched["whole"] == size
    assert HEAD < fetched["a"] == fetched["b"] < size / 2
    assert sum(map(len, ranges)) + 2 * HEAD == fetched["a"] + fetched["b"]
    assert not list(world.work_dir.iterdir())


@pytest.mark.parametrize(
    ("mode", "name"), [("auto", "clip.mp4"), ("needed", "clip.mkv"), ("all", "clip.mp4")]
)
def test_a_video_that_is_fetched_as_a_whole_takes_one_request(
    mode: str,
    name: str,
    world: World,
    settings: Settings,
    tmp_path: Path,
    ranges: list[range],
    logs: io.StringIO,
) -> None:
    video = tmp_path / name
    clips.ffmpeg(f"{PICTURES} {{0}}", video)
    settings(FETCH=mode)
    world.add_video("abc", video)
    assert world.deliver({"code": "abc", **WANTED}) == []
    assert not ranges
    assert _fetched(logs) == {"abc": video.stat().st_size}


def test_damage_in_a_needed_packet_completes_the_file(
    world: World, settings: Settings, clip: Path, ranges: list[range], logs: io.StringIO
) -> None:
    data = bytearray(clip.read_bytes())
    middle = len(data) * 4 // 6 + 2_000  # within the group of the wanted frame
    data[middle : middle + 3_000] = bytes(3_000)
    expected = _expected(world, settings, bytes(data))
    settings(FETCH="needed")
    world.add_video("abc", bytes(data))
    assert world.deliver({"code": "abc", **WANTED}) == []
    assert _frames(world, "abc") == expected
    assert ranges
    assert _fetched(logs)["abc"] == len(data)


def test_a_video_that_is_overwritten_meanwhile_comes_back(
    world: World, settings: Settings, clip: Path, monkeypatch: pytest.MonkeyPatch, logs: io.StringIO
) -> None:
    chunks = S3RangedObject.chunks

    def overwritten(self: S3RangedObject, run: range) -> Iterator[bytes]:
        world.s3.put_object(Bucket="oriane-videos", Key="abc.mp4", Body=clip.read_bytes()[:-1])
        return chunks(self, run)

    monkeypatch.setattr(S3RangedObject, "chunks", overwritten)
    settings(FETCH="needed")
    world.add_video("abc", clip)
    assert world.deliver({"code": "abc", **WANTED}) == [0]
    assert '"SOURCE_CHANGED"' in logs.getvalue()
    assert not world.objects()


@pytest.mark.parametrize(("interval", "fits"), [(30, True), (0.04, False)])
def test_a_video_larger_than_the_disk_works_if_what_is_needed_fits(
    interval: float, fits: bool, world: World, settings: Settings, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = clip.stat().st_size
    usage: Any = lambda _: SimpleNamespace(free=size * 2 // 3)  # noqa: E731
    monkeypatch.setattr(shutil, "disk_usage", usage)
    monkeypatch.setattr("extractor.pipeline.download._FIRST_BYTES", HEAD)
    settings(FETCH="needed")
    world.add_video("abc", clip)
    assert world.deliver({"code": "abc", "interval": interval}) == []
    reasons = [letter["reason"] for letter in world.dead_letters()]
    assert reasons == ([] if fits else ["TOO_LARGE"])
    assert world.is_extracted("abc") == fits
