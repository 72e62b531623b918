"""The child process cannot block or outlive its parent, and cannot read its secrets."""

import errno
import os
import select
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from extractor import errors
from extractor.domain.frames import DecodeLimits
from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg import sandbox
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import run_ffmpeg
from extractor.pipeline.local import extract_to_folder, local_config
from tests.support.media import clips
from tests.support.media.decoding import Decode


def _script(tmp_path: Path, text: str) -> str:
    path = tmp_path / "fake-ffmpeg"
    path.write_text(f"#!{sys.executable}\n{textwrap.dedent(text)}")
    path.chmod(0o755)
    return str(path)


def _budget(seconds: float = 20, stall_seconds: float = 20) -> ProcessLimits:
    return ProcessLimits(time.monotonic() + seconds, stall_seconds, 2_000_000_000)


def _is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def _assert_ends(pidfd: int) -> None:
    """Wait for the end of a process by its descriptor: an orphan is reaped by another process."""
    try:
        assert select.select([pidfd], [], [], 10)[0], "the process is still alive"
    finally:
        os.close(pidfd)


@pytest.mark.failure_row(24)
def test_a_silent_child_is_killed_and_called_hung(tmp_path: Path) -> None:
    script = _script(tmp_path, "import time; print('hello', flush=True); time.sleep(600)")
    with run_ffmpeg(lambda _: [script], (), _budget(stall_seconds=0.3)) as child:
        assert child.line("stdout") == b"hello"
        with pytest.raises(errors.DecoderHungError):
            child.line("stdout")
        pid = child.process.pid
    assert not _is_alive(pid)


@pytest.mark.failure_row(24)
def test_a_child_that_never_says_anything_is_hung_even_if_the_deadline_comes_first(
    decode: Decode, plain_clip: Path, tmp_path: Path
) -> None:
    with pytest.raises(errors.DecoderHungError):
        decode(plain_clip, binary=_script(tmp_path, "import time; time.sleep(600)"), seconds=2)


def test_a_busy_child_at_the_deadline_is_slow_and_not_hung(tmp_path: Path) -> None:
    script = _script(tmp_path, "import itertools\nfor n in itertools.count(): print(n, flush=True)")
    with (
        run_ffmpeg(lambda _: [script], (), _budget(seconds=0.3)) as child,
        pytest.raises(errors.DeadlineError),
    ):
        while child.line("stdout") is not None:
            pass


def test_nothing_is_started_after_the_deadline() -> None:
    with pytest.raises(errors.DeadlineError), run_ffmpeg(lambda _: ["/bin/true"], (), _budget(seconds=-1)):
        pass


@pytest.mark.failure_row(24)
def test_what_the_child_started_dies_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "MACHINES", {})  # where nothing keeps it from starting anything
    script = _script(
        tmp_path,
        """
        import subprocess, time
        print(subprocess.Popen(["sleep", "600"]).pid, flush=True)
        time.sleep(600)
        """,
    )
    with run_ffmpeg(lambda _: [script], (), _budget()) as child:
        grandchild = int(child.line("stdout") or b"0")
        watch = os.pidfd_open(grandchild)
    _assert_ends(watch)


@pytest.mark.failure_row(27)
def test_a_flood_on_stderr_blocks_nothing_and_is_kept_bounded(tmp_path: Path) -> None:
    script = _script(
        tmp_path,
        """
        import sys
        red, end = "\\x1b[1;31m", "\\x1b[0m"
        for n in range(50_000):
            sys.stderr.write(f"{red}[error] {end}{red}noise number {n} " + "x" * 60 + f"\\n{end}")
        print("done", flush=True)
        """,
    )
    with run_ffmpeg(lambda _: [script], (), _budget()) as child:
        assert child.line("stdout") == b"done"
        assert child.wait() == 0
        assert len(child.stderr.errors) <= 80
        assert "noise number 49999" in child.stderr.errors[-1]


@pytest.mark.failure_row(27)
@pytest.mark.parametrize("colour", ["", "\x1b[1;31m", "\x1b[1;31m[error] \x1b[0m\x1b[1;31m"])
def test_one_endless_line_on_stderr_is_kept_bounded(tmp_path: Path, colour: str) -> None:
    script = _script(
        tmp_path,
        f"""
        import sys
        sys.stderr.write({colour!r})
        for _ in range(500): sys.stderr.write('x' * 65536)
        print('done')
        """,
    )
    with run_ffmpeg(lambda _: [script], (), _budget()) as child:
        assert child.line("stdout") == b"done"
        assert child.wait() == 0
        assert sum(len(value) for value in vars(child.stderr).values() if isinstance(value, bytes)) <= 4_000


def test_images_are_not_made_faster_than_they_are_read(tmp_path: Path) -> None:
    script = _script(
        tmp_path,
        """
        import os, sys
        side = int(sys.argv[1].removeprefix("pipe:"))
        os.write(side, b"first line\\n")
        for number in range(100):
            sys.stdout.buffer.write(b"i" * 1_000_000)
            os.write(side, b"%d\\n" % number)
        """,
    )
    with run_ffmpeg(lambda pipes: [script, pipes["side"]], ("side",), _budget()) as child:
        assert child.line("side") == b"first line"
        for number in range(100):
            assert child.read_exactly("stdout", 1_000_000) == b"i" * 1_000_000
            assert child.line("side") == b"%d" % number
            assert len(child._buffers["stdout"]) < 1_500_000


def test_the_child_gets_no_environment_no_input_and_no_foreign_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPABASE_KEY", "secret")
    script = _script(
        tmp_path,
        """
        import os, resource, sys
        print(sorted(os.environ), repr(sys.stdin.read()), os.getcwd(), os.getsid(0) == os.getpid())
        print(len(os.listdir("/proc/self/fd")))
        print(*(resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE)))
        """,
    )
    with (tmp_path / "open file").open("w"), run_ffmpeg(lambda _: [script], (), _budget()) as child:
        first = (child.line("stdout") or b"").decode()
        assert first.replace("'LC_CTYPE', ", "") == "['AV_LOG_FORCE_COLOR', 'PATH'] '' / True"
        assert child.line("stdout") == b"4"  # three streams and the listing itself
        assert child.line("stdout") == b"0 0"


@pytest.mark.failure_row(25)
@pytest.mark.parametrize("death", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_is_told_from_a_bad_file(
    decode: Decode, plain_clip: Path, tmp_path: Path, death: signal.Signals
) -> None:
    script = _script(tmp_path, f"import os; os.kill(os.getpid(), {int(death)})")
    with pytest.raises(errors.DecoderCrashedError, match=f"signal {int(death)}"):
        decode(plain_clip, binary=script)


@pytest.mark.failure_row(28)
def test_no_child_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = _script(tmp_path, "import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"""if True:
            import time
            from extractor.media.ffmpeg.pipes import ProcessLimits
            from extractor.media.ffmpeg.process import run_ffmpeg
            limits = ProcessLimits(time.monotonic() + 60, 60, 2 << 30)
            with run_ffmpeg(lambda _: [{script!r}], (), limits) as child:
                print(child.line("stdout").decode(), flush=True)
                time.sleep(600)
            """,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    with parent:
        pid = int(parent.stdout.readline())
        watch = os.pidfd_open(pid)
        parent.kill()
    _assert_ends(watch)


@pytest.mark.failure_row(24)
def test_a_second_failure_of_the_same_kind_is_final() -> None:
    for error in (errors.DecoderHungError(""), errors.DecoderCrashedError("")):
        assert not errors.is_final(error, receive_count=1)
        assert errors.is_final(error, receive_count=2)


def test_limits_have_room_for_the_largest_pictures_that_are_allowed(decode: Decode, tmp_path: Path) -> None:
    clip = clips.plain(tmp_path / "8k.mp4", 0.2, pictures="testsrc2=size=7680x4320:rate=25")
    assert decode(clip, limits=DecodeLimits()).frames[0].width == 7680


@pytest.mark.parametrize("text", [None, "no program"])
def test_a_program_that_is_none_is_a_wrong_setting(tmp_path: Path, text: str | None) -> None:
    binary = tmp_path / "ffmpeg"
    if text is not None:
        binary.write_text(text)
    with pytest.raises(errors.SettingsError, match="FFMPEG_BINARY"):
        local_config(str(binary))


def test_a_program_that_cannot_be_run_is_named_and_never_blamed_on_the_storage(
    tmp_path: Path, plain_clip: Path
) -> None:
    binary = tmp_path / "ffmpeg"
    binary.write_text("#!/no/such/interpreter\n")
    binary.chmod(0o755)
    with pytest.raises(errors.DecoderNotStartedError, match="check FFMPEG_BINARY") as raised:
        extract_to_folder(plain_clip, tmp_path / "out", SamplingPolicy(), local_config(str(binary)))
    assert errors.reason_of(raised.value) == "DECODER_NOT_STARTED"
    assert not errors.is_final(raised.value, receive_count=9)


def test_a_command_line_that_is_too_long_is_called_so() -> None:
    with (
        pytest.raises(errors.DecoderNotStartedError, match="too long"),
        run_ffmpeg(lambda _: ["/bin/true", "x" * 3_000_000], (), _budget()),
    ):
        pass


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_an_error_for_lack_of_system_resources_names_them(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with (
        pytest.raises(errors.DecoderNotStartedError, match="the system lacks"),
        run_ffmpeg(lambda _: ["/bin/true"], (), _budget()),
    ):
        pass


@pytest.mark.parametrize("limits", ["-t 3600", "-v 1500000", "-n 60", "-c 0"])
def test_lower_limits_of_the_user_are_kept(plain_clip: Path, tmp_path: Path, limits: str) -> None:
    command = f"ulimit {limits} && exec {sys.executable} -m extractor {plain_clip} --out {tmp_path}"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
