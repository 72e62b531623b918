"""All pipes of a child are read without deadlocks, with more data than any pipe buffer holds."""

import sys
import textwrap
import time
from pathlib import Path

import pytest

from extractor import errors
from extractor.domain.frames import DecodeLimits
from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.pipes import _CHUNK_BYTES, _MAX_AHEAD_BYTES, ProcessLimits
from extractor.media.ffmpeg.process import FFmpegProcess, run_ffmpeg
from extractor.media.probe.index import read_index
from tests.support.media import clips

_LONG = 5_000_000
"""Longer than every pipe."""


def _budget(seconds: float = 30, stall_seconds: float = 30) -> ProcessLimits:
    return ProcessLimits(time.monotonic() + seconds, stall_seconds, 2_000_000_000)


@pytest.fixture
def writer(tmp_path: Path) -> Path:
    """A program that writes to stdout (1) and to given pipes (from 2 on), one after the other.

    Its arguments are the pipes, and ``NUMBER:BYTES`` in the order of writing."""
    path = tmp_path / "writer"
    text = """
        import os, sys
        line = b"x" * 99 + b"\\n"
        pipes = [1, *(int(name[5:]) for name in sys.argv[1:] if name.startswith("pipe:"))]
        for order in sys.argv[1:]:
            if not order.startswith("pipe:"):
                number, size = order.split(":")
                left = int(size)
                while left:
                    left -= os.write(pipes[int(number) - 1], line * (min(left, 1_000_000) // 100))
    """
    path.write_text(f"#!{sys.executable}\n{textwrap.dedent(text)}")
    path.chmod(0o755)
    return path


def _lines(child: FFmpegProcess, stream: str) -> int:
    count = 0
    while child.line(stream) is not None:
        count += 100
    return count


def _exactly(child: FFmpegProcess, stream: str) -> int:
    size = 0
    while child.read_exactly(stream, 100) is not None:
        size += 100
    return size


def _into(child: FFmpegProcess, stream: str) -> int:
    buffer, size = memoryview(bytearray(100_000)), 0
    while child.read_into(stream, buffer):
        assert bytes(buffer) == (b"x" * 99 + b"\n") * 1_000
        size += len(buffer)
    return size


@pytest.mark.failure_row(50)
@pytest.mark.parametrize("read", [_lines, _exactly, _into])
@pytest.mark.parametrize("first", ["stdout", "side"])
def test_a_pipe_that_is_full_before_another_is_begun_never_blocks_its_reader(
    writer: Path, read: object, first: str
) -> None:
    assert callable(read)
    second = "side" if first == "stdout" else "stdout"
    numbers = {"stdout": 1, "side": 2}
    orders = [f"{numbers[first]}:{_LONG}", f"{numbers[second]}:{_LONG}"]
    with run_ffmpeg(lambda pipes: [str(writer), pipes["side"], *orders], ("side",), _budget()) as child:
        assert read(child, second) == _LONG
        assert read(child, first) == _LONG
        assert child.wait() == 0


@pytest.mark.failure_row(50)
def test_every_pipe_is_fed_to_its_sink_as_it_comes(writer: Path) -> None:
    orders = [f"{number}:{_LONG}" for number in (3, 2, 1, 3, 2, 1)]
    seen = {"stdout": 0, "side": 0}
    largest = 0

    def sink(name: str, data: bytes) -> None:
        nonlocal largest
        seen[name] += len(data)
        largest = max(largest, len(data))

    with run_ffmpeg(
        lambda pipes: [str(writer), pipes["side"], pipes["unread"], *orders], ("side", "unread"), _budget()
    ) as child:
        child.feed_all({name: lambda data, name=name: sink(name, data) for name in seen})  # type: ignore[misc]
        assert child.wait() == 0
    assert seen == dict.fromkeys(seen, 2 * (_LONG))
    assert largest <= _CHUNK_BYTES
    assert not any(child._buffers.values())


def test_what_was_read_before_is_fed_first(writer: Path) -> None:
    with run_ffmpeg(lambda _: [str(writer), f"1:{_LONG}"], (), _budget()) as child:
        assert child.line("stdout") == b"x" * 99
        pieces: list[bytes] = []
        child.feed_all({"stdout": pieces.append})
        assert len(b"".join(pieces)) == _LONG - 100


def test_what_a_sink_raises_ends_the_child(writer: Path) -> None:
    def refuse(_: bytes) -> None:
        raise errors.TooLargeError("enough")

    with (
        pytest.raises(errors.TooLargeError),
        run_ffmpeg(lambda _: [str(writer), f"1:{1_000_000_000_000}"], (), _budget()) as child,
    ):
        child.feed_all({"stdout": refuse})
    assert child.process.returncode is not None


def test_feeding_heeds_the_deadline(writer: Path) -> None:
    with (
        pytest.raises(errors.DeadlineError),
        run_ffmpeg(lambda _: [str(writer), f"1:{1_000_000_000_000}"], (), _budget(seconds=0.3)) as child,
    ):
        child.feed_all({})


def test_reading_into_a_buffer_heeds_the_deadline(writer: Path) -> None:
    buffer = memoryview(bytearray(1_000))
    with (
        pytest.raises(errors.DeadlineError),
        run_ffmpeg(lambda _: [str(writer), f"1:{1_000_000_000_000}"], (), _budget(seconds=0.3)) as child,
    ):
        while child.read_into("stdout", buffer):
            pass


def test_draining_keeps_nothing_of_any_pipe(writer: Path) -> None:
    orders = [f"2:{_LONG}", f"1:{_LONG}"]
    with run_ffmpeg(lambda pipes: [str(writer), pipes["side"], *orders], ("side",), _budget()) as child:
        assert child.line("side") is not None
        child.drain()
        assert not any(child._buffers.values())
        assert child.wait() == 0


@pytest.mark.failure_row(50)
def test_a_pipe_that_nobody_reads_is_never_kept_without_bound(writer: Path) -> None:
    orders = [f"1:{1_000_000_000_000}", "2:100"]
    with (
        pytest.raises(errors.TooLargeError, match="too large to be buffered"),
        run_ffmpeg(lambda pipes: [str(writer), pipes["side"], *orders], ("side",), _budget()) as child,
    ):
        child.line("side")
    assert len(child._buffers["stdout"]) <= _MAX_AHEAD_BYTES + _CHUNK_BYTES


@pytest.mark.failure_row(50)
def test_an_av1_video_whose_listings_are_longer_than_every_pipe_is_indexed(tmp_path: Path) -> None:
    encoded = "libsvtav1 -preset 12 -svtav1-params log=-1"
    short = clips.plain(tmp_path / "short.mp4", 4, encoded=encoded, pictures="testsrc2=size=96x64:rate=25")
    clips.ffmpeg("-stream_loop 199 -i {0} -c copy {1}", short, tmp_path / "long.mp4")
    limits = DecodeLimits(threads=1)
    source = DecoderInput(tmp_path / "long.mp4", limits, find_ffmpeg())
    index = read_index(source, _budget(seconds=120, stall_seconds=60), SamplingPolicy())
    assert len(index.packets) == 20_000
