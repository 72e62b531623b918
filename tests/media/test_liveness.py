"""A slow child may use its time; a hung child is killed."""

import os
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from extractor import errors
from extractor.media.ffmpeg import liveness
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import FFmpegProcess, run_ffmpeg

_STALL_SECONDS = 1.0
"""Long enough for a busy machine to give every process its turn."""

_BUSY = "import os, sys, time\nwhile time.process_time() < {seconds}: pass\n"

_Wait = Callable[[FFmpegProcess], object]


def _script(tmp_path: Path, text: str) -> str:
    path = tmp_path / "fake-ffmpeg"
    path.write_text(f"#!{sys.executable}\n{textwrap.dedent(text)}")
    path.chmod(0o755)
    return str(path)


def _budget(stall_seconds: float = _STALL_SECONDS, seconds: float = 60) -> ProcessLimits:
    return ProcessLimits(time.monotonic() + seconds, stall_seconds, 2_000_000_000)


@pytest.fixture
def soon_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the factor for busy loops from 10: a test would take too long."""
    monkeypatch.setattr(liveness, "_LOOP_FACTOR", 1.5)


@pytest.fixture(params=["line", "feed_all", "wait"])
def wait(request: pytest.FixtureRequest) -> _Wait:
    """Each method that waits for a child."""
    ways: dict[str, _Wait] = {
        "line": lambda child: child.line("stdout"),
        "feed_all": lambda child: child.feed_all({}),
        "wait": lambda child: child.wait(),
    }
    return ways[str(request.param)]


_SILENT = "os.close(1); os.close(2)\n"
"""Nothing is left to read, so that `FFmpegProcess.wait` waits for the end of the process."""


@pytest.mark.failure_row(57)
def test_a_child_that_works_for_long_between_two_words_is_not_hung(tmp_path: Path, wait: _Wait) -> None:
    script = _script(tmp_path, _BUSY.format(seconds=1.2) + "print('done')")
    with run_ffmpeg(lambda _: [script], (), _budget()) as child:
        wait(child)
        assert child.wait() == 0


@pytest.mark.failure_row(57)
def test_a_child_that_works_on_after_its_last_word_is_not_hung(tmp_path: Path) -> None:
    script = _script(tmp_path, f"import os\n{_SILENT}{_BUSY.format(seconds=1.2)}os._exit(3)")
    with run_ffmpeg(lambda _: [script], (), _budget()) as child:
        assert child.wait() == 3


@pytest.mark.failure_row(24)
def test_a_child_that_does_not_end_after_its_last_word_is_hung(tmp_path: Path) -> None:
    script = _script(tmp_path, f"import os, time\n{_SILENT}time.sleep(600)")
    with (
        pytest.raises(errors.DecoderHungError, match="FFmpeg was idle for"),
        run_ffmpeg(lambda _: [script], (), _budget()) as child,
    ):
        child.wait()


@pytest.mark.failure_row(24)
@pytest.mark.parametrize("end", ["", _SILENT], ids=["open pipes", "closed pipes"])
def test_a_child_that_computes_for_ever_is_hung(
    soon_a_loop: None, tmp_path: Path, wait: _Wait, end: str
) -> None:
    script = _script(tmp_path, "import os\n" + end + _BUSY.format(seconds=1e9))
    with (
        pytest.raises(errors.DecoderHungError, match="read and wrote nothing"),
        run_ffmpeg(lambda _: [script], (), _budget()) as child,
    ):
        wait(child)
        child.wait()


@pytest.mark.failure_row(24)
def test_complaints_alone_are_no_sign_of_progress(soon_a_loop: None, tmp_path: Path) -> None:
    script = _script(tmp_path, "import os\nwhile True: os.write(2, b'[error] once more\\n' * 1000)")
    with (
        pytest.raises(errors.DecoderHungError),
        run_ffmpeg(lambda _: [script], (), _budget()) as child,
    ):
        child.feed_all({})


@pytest.mark.failure_row(57)
def test_a_child_that_reads_its_input_on_is_slow_and_not_hung(soon_a_loop: None, tmp_path: Path) -> None:
    with (tmp_path / "input").open("wb") as file:
        file.truncate(1 << 40)
    script = _script(
        tmp_path,
        f"""
        with open({str(tmp_path / "input")!r}, "rb", buffering=0) as file:
            while True: file.read(1)
        """,
    )
    with (
        pytest.raises(errors.DeadlineError),
        run_ffmpeg(lambda _: [script], (), _budget(seconds=4)) as child,
    ):
        child.line("stdout")


def test_a_child_that_sleeps_at_the_deadline_is_hung_and_one_that_works_is_slow(tmp_path: Path) -> None:
    busy = _script(tmp_path, _BUSY.format(seconds=1e9))
    for argv, expected in (
        (["/bin/sleep", "600"], errors.DecoderHungError),
        ([busy], errors.DeadlineError),
    ):
        with (
            pytest.raises(expected),
            run_ffmpeg(lambda _, argv=argv: argv, (), _budget(60, seconds=1)) as child,  # type: ignore[misc]
        ):
            child.line("stdout")


def test_a_child_that_starts_at_the_deadline_is_not_hung() -> None:
    just_started = liveness.Liveness(os.getpid(), stall_seconds=30)
    assert just_started.hang_reason_at_deadline is None


def test_a_reader_that_takes_its_time_does_not_make_its_child_hung(tmp_path: Path) -> None:
    script = _script(tmp_path, "import os\nfor _ in range(20): os.write(1, b'x' * 1_000_000)")

    taken: list[int] = []

    def take_time(data: bytes) -> None:
        if not taken:
            time.sleep(1.2)  # the child waits for us
        taken.append(len(data))

    with run_ffmpeg(lambda _: [script], (), _budget()) as child:
        child.feed_all({"stdout": take_time})
        assert child.wait() == 0
    assert sum(taken) == 20_000_000


@pytest.mark.parametrize("text", [_BUSY.format(seconds=1e9), "import time; time.sleep(600)"])
def test_without_proc_whoever_is_silent_is_hung(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(liveness, "cpu_seconds", lambda pid: None)
    monkeypatch.setattr(liveness, "file_positions", lambda pid: ())
    with (
        pytest.raises(errors.DecoderHungError, match="FFmpeg was idle for"),
        run_ffmpeg(lambda _: [_script(tmp_path, text)], (), _budget()) as child,
    ):
        child.line("stdout")
