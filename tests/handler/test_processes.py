"""The decoder as a process, what it may see, and what is left behind, also by a handler that dies."""

import ctypes
import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from extractor.domain.manifest import Manifest
from extractor.errors import StorageUnavailableError
from extractor.output.frame_store import FrameStore
from extractor.pipeline.extract import extract
from tests.handler.conftest import World
from tests.handler.test_failures import fake_ffmpeg
from tests.proof.processes import children_of
from tests.support.media import clips


@pytest.mark.failure_row(27)
def test_a_flood_of_complaints_blocks_nothing(
    world: World, settings: Callable[..., None], tmp_path: Path
) -> None:
    world.add_video("abc", b"not empty")
    line = r"\x1b[1;31m[error] \x1b[0m\x1b[1;31mcomplaint {n}\n\x1b[0m"
    flood = f"import sys\nfor n in range(200_000): sys.stderr.write(f'{line}')\nsys.exit(1)"
    settings(FFMPEG_BINARY=fake_ffmpeg(tmp_path, flood))
    assert world.deliver({"code": "abc"}) == []
    (letter,) = world.dead_letters()
    assert letter["reason"] == "UNREADABLE"
    assert "complaint 0" in letter["detail"]
    assert len(letter["detail"]) <= 500


@pytest.mark.failure_row(28)
@pytest.mark.failure_row(30)
def test_a_killed_handler_leaves_no_process_and_its_files_are_swept(
    world: World, settings: Callable[..., None], tmp_path: Path, plain_clip: Path
) -> None:
    world.add_video("abc", plain_clip)
    settings(FFMPEG_BINARY=fake_ffmpeg(tmp_path, "import time\ntime.sleep(600)"))
    program = """
        import lambda_function
        from tests.handler.conftest import Context
        lambda_function.lambda_handler({"code": "abc"}, Context())
    """
    argv = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as handler:
        decoder = os.pidfd_open(_first_child(handler.pid))
        assert list(world.work_dir.iterdir())
        handler.send_signal(signal.SIGKILL)
        handler.wait()
    ended, _, _ = select.select([decoder], [], [], 20)
    os.close(decoder)
    assert ended, "the decoder outlived its handler"
    assert list(world.work_dir.iterdir())
    settings(FFMPEG_BINARY="")
    assert world.deliver({"code": "abc"}, receive_count=2) == []
    assert list(world.work_dir.iterdir()) == []
    assert world.is_extracted("abc")


def _first_child(process: int) -> int:
    """Its number, as soon as it is there. The child itself may tell nobody: it is confined."""
    while (child := next(children_of(process), None)) is None:
        os.sched_yield()
    return child


def test_nothing_of_a_video_stays_on_the_disk(world: World, plain_clip: Path) -> None:
    world.add_video("good", plain_clip)
    world.add_video("bad", b"not a video at all")
    world.deliver({"code": "good"}, {"code": "bad"})
    assert list(world.work_dir.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="a protection that only Linux has")
def test_the_decoder_cannot_read_the_workers_environment(world: World, plain_clip: Path) -> None:
    world.add_video("abc", plain_clip)
    world.deliver({"code": "abc"})
    get_dumpable = 3
    assert ctypes.CDLL(None).prctl(get_dumpable, 0, 0, 0, 0) == 0


@pytest.mark.parametrize(
    ("message", "variables"),
    [
        ({}, {}),
        ({"scene_detector": "content"}, {}),
        ({"skip_similar": 0}, {}),
        ({}, {"STORYBOARD": "true"}),
        ({}, {"OUTPUT": "tar"}),
        ({"skip_blank": True}, {"OUTPUT": "tar", "STORYBOARD": "true"}),
    ],
    ids=str,
)
def test_an_upload_that_fails_in_the_middle_ends_its_decoder_at_once(
    world: World,
    settings: Callable[..., None],
    clip_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    message: dict[str, object],
    variables: dict[str, str],
) -> None:
    encoded = "libx264 -preset ultrafast -g 2 -pix_fmt yuv420p"
    world.add_video("abc", clips.plain(clip_dir / "many_keyframes.mp4", 8, encoded))
    settings(**variables)
    earlier = set(children_of(os.getpid()))  # servers of other tests
    alive: list[int] = []

    def refuse(*_: object, **__: object) -> None:
        alive.append(len({*children_of(os.getpid())} - earlier))
        raise StorageUnavailableError("refused")

    def refuse_parts(frame_store: FrameStore, name: str, parts: Iterable[bytes], content_type: str) -> None:
        next(iter(parts))
        refuse()

    def watched(*arguments: Any) -> Manifest:
        try:
            return extract(*arguments)
        except StorageUnavailableError:
            alive.append(len({*children_of(os.getpid())} - earlier))
            raise

    monkeypatch.setattr(FrameStore, "put", refuse)
    monkeypatch.setattr(FrameStore, "put_parts", refuse_parts)
    monkeypatch.setattr("extractor.output.tar.PART_BYTES", 10_000)
    monkeypatch.setattr("extractor.pipeline.job.extract", watched)
    assert world.deliver({"code": "abc", "interval": 0.04, "format": "png", **message}) == [0]
    assert alive[0] == 1, "the decoder was at work"
    assert alive[-1] == 0, "the decoder outlives the error"
