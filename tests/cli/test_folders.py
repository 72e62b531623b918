"""Where local frames are made and put: inside the folder that was given, and nowhere else."""

import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from extractor import extract_frames
from extractor.__main__ import build_parser, main
from extractor.cli import extract_videos
from extractor.errors import ExtractorError, UnreadableError
from extractor.pipeline import local
from extractor.pipeline.local_input import folder_names
from extractor.pipeline.workdir import MARK, job_directory

ROOT = Path(__file__).parents[2]


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system at /dev/shm")
    with tempfile.TemporaryDirectory(dir=shm) as folder:
        yield Path(folder)


@pytest.mark.operations_row(26)
def test_a_folder_on_another_disk_gets_its_frames(plain_clip: Path, tmp_path: Path, other_disk: Path) -> None:
    (tmp_path / "out").symlink_to(other_disk)
    frames = extract_frames(plain_clip, tmp_path / "out", max_frames=2)
    assert _files(other_disk) == {"000000.jpg", "000001.jpg", "manifest.json"}
    assert all(frame.path.exists() for frame in frames)


@pytest.mark.operations_row(26)
def test_nothing_is_done_beside_the_folder(plain_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    before = tmp_path.stat().st_mtime_ns
    extract_frames(plain_clip, tmp_path / "out", max_frames=1)
    assert tmp_path.stat().st_mtime_ns == before


def test_a_video_without_frames_leaves_no_folder_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video at all" * 100)
    with pytest.raises(UnreadableError):
        extract_frames(tmp_path / "bad.mp4", tmp_path / "deep" / "out")
    assert _files(tmp_path) == {"bad.mp4"}
    assert not (tmp_path / "deep").exists()


def test_an_earlier_result_survives_a_failure(plain_clip: Path, tmp_path: Path) -> None:
    extract_frames(plain_clip, tmp_path / "out", max_frames=1)
    before = _files(tmp_path)
    (tmp_path / "bad.mp4").write_bytes(b"no video at all" * 100)
    with pytest.raises(ExtractorError):
        extract_frames(tmp_path / "bad.mp4", tmp_path / "out")
    assert _files(tmp_path) == before | {"bad.mp4"}


@pytest.mark.operations_row(27)
@pytest.mark.parametrize(
    "error",
    [RuntimeError("boom"), subprocess.SubprocessError("no limits"), MemoryError(), OSError(24, "full")],
)
def test_one_video_never_ends_the_others(
    plain_clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
) -> None:
    real = local.extract_to_folder

    def extract(video: Path, *rest: object, **more: object) -> object:
        if video.name == "first.mp4":
            raise error
        return real(video, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(extract_videos, "extract_to_folder", extract)
    arguments = [str(tmp_path / "first.mp4"), str(plain_clip), "--out", str(tmp_path), "--max-frames", "1"]
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert f"first.mp4: INTERNAL: {type(error).__name__}" in output.err
    assert "plain.mp4: 1 frame of 4.00 s" in output.out


@pytest.mark.operations_row(27)
def test_a_lower_limit_of_the_shell_is_no_traceback(plain_clip: Path, tmp_path: Path) -> None:
    command = (
        f"ulimit -n 60; exec {sys.executable} -m extractor {plain_clip} {plain_clip} --out out --max-frames 1"
    )
    run = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, cwd=tmp_path, env=_environment()
    )
    assert "Traceback" not in run.stderr
    assert (run.stdout + run.stderr).count("plain.mp4") >= 2


@pytest.mark.operations_row(28)
def test_videos_of_equal_name_are_named_after_the_folders_that_tell_them_apart() -> None:
    videos = [Path(f"frames/instagram/{code}/video.mp4") for code in ("abc", "def", "ghi")]
    assert folder_names(videos) == ["abc", "def", "ghi"]
    mixed = [Path("a/one/v.mp4"), Path("b/one/v.mp4"), Path("b/two/v.mp4"), Path("other.mp4")]
    assert folder_names(mixed) == ["a-one", "b-one", "b-two", "other"]
    assert folder_names([Path("x/v.mp4"), Path("x/v.mov")]) == ["v.mp4", "v.mov"]


@pytest.mark.operations_row(28)
def test_every_video_has_a_folder_of_its_own_whatever_they_are_called() -> None:
    videos = [
        *[Path("a.mp4")] * 3,
        Path("A.mp4"),
        Path("x/v.mp4"),
        Path("y/v.mp4"),
        Path("x.mp4"),
        Path("x-v.mp4"),
        Path("p-q/r/v2.mp4"),
        Path("p/q-r/v2.mp4"),
        Path("a-2.mp4"),
        Path("long" * 60 + ".mp4"),
    ]
    names = folder_names(videos)
    assert len({name.casefold() for name in names}) == len(videos)
    assert names[0] == "a.mp4"
    assert all(len(os.fsencode(name)) < 250 for name in names)


@pytest.mark.operations_row(28)
def test_the_time_for_names_grows_with_their_number_and_not_with_its_square() -> None:
    def steps(count: int) -> int:
        calls = 0

        def count_calls(*_: object) -> None:
            nonlocal calls
            calls += 1

        videos = [Path(f"p/{number}/video.mp4") for number in range(count)] + [Path("a/same.mp4")] * count
        sys.setprofile(count_calls)
        try:
            folder_names(videos)
        finally:
            sys.setprofile(None)
        return calls

    assert steps(800) < 2.2 * steps(400)


@pytest.mark.operations_row(30)
@pytest.mark.parametrize("name", ["...mp4", "..mp4", ".mp4", "....", "..", "a..mp4", ".a.mp4"])
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    (folder,) = folder_names([Path("videos") / name])
    assert folder.strip(".")
    assert "/" not in folder
    assert Path(os.path.normpath(Path("out") / folder)).parent == Path("out")


@pytest.mark.operations_row(30)
@pytest.mark.parametrize("name", ["...mp4", "..mp4"])
def test_a_video_of_dots_keeps_its_whole_name_and_nothing_is_written_outside(
    plain_clip: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).symlink_to(plain_clip)
    (tmp_path / "work" / "out").mkdir(parents=True)
    out = str(tmp_path / "work" / "out")
    assert main([str(tmp_path / "in" / name), "--out", out, "--max-frames", "1"]) == 0
    frames = {"000000.jpg", "manifest.json"}
    assert _files(tmp_path / "work") == {f"out/{name}/{file}" for file in frames}


@pytest.mark.operations_row(31)
def test_only_what_carries_our_mark_is_swept_and_nothing_beside_the_folder(
    plain_clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    kept = [tmp_path / ".partial-beside", out / ".partial-of-others", out / ".partial-file"]
    for path in kept[:2]:
        path.mkdir(parents=True)
        (path / "precious").write_text("x")
    kept[2].write_text("x")
    (tmp_path / ".partial-beside" / MARK).write_text("any host")
    for path in (out / ".partial-of-others" / "precious", *kept):
        os.utime(path, (1, 1))
    extract_frames(plain_clip, out, max_frames=1)
    assert all(path.exists() for path in kept)
    assert (out / ".partial-of-others" / "precious").exists()


def _left_over(root: Path, host: str, age_seconds: float) -> Path:
    path = root / f"job-{host}-{age_seconds}"
    path.mkdir()
    (path / MARK).write_text(host)
    for changed in (path / MARK, path):
        os.utime(changed, (time.time() - age_seconds,) * 2)
    return path


@pytest.mark.operations_row(32)
def test_a_job_of_another_host_is_swept_only_when_it_is_old(tmp_path: Path) -> None:
    live, dead = _left_over(tmp_path, "other", 3600), _left_over(tmp_path, "other", 2 * 86_400)
    with job_directory(tmp_path):
        assert live.exists()
        assert not dead.exists()


@pytest.mark.operations_row(32)
def test_a_job_of_another_host_that_still_writes_is_not_old(tmp_path: Path) -> None:
    path = _left_over(tmp_path, "other", 2 * 86_400)
    (path / "000001.jpg").write_bytes(b"written just now")
    os.utime(path, (1, 1))
    with job_directory(tmp_path):
        assert path.exists()


@pytest.mark.operations_row(33)
def test_a_fork_under_way_keeps_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was forked while the folder was locked, and lives on."""
    code = f"""if True:
    import os, signal, sys, tempfile
    from pathlib import Path
    from extractor.pipeline import workdir
    root, made, children = Path({str(tmp_path)!r}), tempfile.mkdtemp, []
    def forking(**how):
        if not (child := os.fork()):
            signal.pause()
        children.append(child)
        return made(**how)
    tempfile.mkdtemp = forking
    workdir._LOCK_SECONDS = 5
    try:
        with workdir.job_directory(root): pass
        with workdir.job_directory(root): pass
        print("free")
    finally:
        for child in children: os.kill(child, signal.SIGKILL)
    """
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, env=_environment()
    )
    assert (run.stdout, run.stderr) == ("free\n", "")


@pytest.mark.operations_row(33)
def test_waiting_for_a_lock_is_said_and_bounded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    code = f"""if True:
    import fcntl, os, sys
    descriptor = os.open({str(tmp_path)!r}, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    print("locked", flush=True)
    sys.stdin.read()
    """
    with (
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as holder,
        pytest.MonkeyPatch.context() as patch,
    ):
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        patch.setattr("extractor.pipeline.workdir._LOCK_SECONDS", 0.2)
        patch.setattr("extractor.pipeline.workdir._NOTICE_SECONDS", 0.05)
        with pytest.raises(ExtractorError, match="locked"), job_directory(tmp_path):
            pass
        holder.communicate("")
    assert [message for message in caplog.messages if "waiting for another process" in message]


@pytest.mark.operations_row(36)
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize(
    ("number", "send"),
    [
        (signal.SIGTERM, os.kill),
        (signal.SIGHUP, os.kill),
        (signal.SIGINT, os.kill),
        (signal.SIGINT, os.killpg),  # a terminal sends it to all processes of the group
    ],
)
def test_a_signal_leaves_nothing_behind(
    plain_clip: Path, tmp_path: Path, jobs: str, number: int, send: Callable[[int, int], None]
) -> None:
    """The video comes through a pipe that stays open: the run is in its middle when the signal arrives."""
    os.mkfifo(tmp_path / "pipe.mp4")
    command = [sys.executable, "-m", "extractor", str(plain_clip), "pipe.mp4", "--jobs", jobs, "--out", "out"]
    with (
        subprocess.Popen(
            command,
            cwd=tmp_path,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as run,
        (tmp_path / "pipe.mp4").open("wb") as pipe,
    ):
        pipe.write(plain_clip.read_bytes()[:1000])
        pipe.flush()
        assert run.stdout is not None
        assert run.stdout.readline().startswith(str(plain_clip))
        send(run.pid, number)
        output, errors = run.communicate(timeout=60)
    assert run.returncode == 128 + number
    assert output == ""
    assert "the videos reported above are complete" in errors
    assert "Traceback" not in errors
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"plain"}
    with pytest.raises(ProcessLookupError):
        os.killpg(run.pid, 0)


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_lines_come_in_the_order_of_the_command_line_however_many_videos_at_a_time(
    plain_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], jobs: str
) -> None:
    for number in range(8):
        (tmp_path / f"{number}.mp4").symlink_to(plain_clip)
    (tmp_path / "broken.mp4").write_bytes(b"no video at all" * 100)
    names = ["0", "1", "broken", *"234567"]
    videos = [str(tmp_path / f"{name}.mp4") for name in names]
    assert main([*videos, "--out", str(tmp_path / "out"), "--max-frames", "1", "--jobs", jobs]) == 1
    output = capsys.readouterr()
    assert [Path(line.split(":")[0]).stem for line in output.out.splitlines()] == list("01234567")
    assert output.err.startswith(str(tmp_path / "broken.mp4: UNREADABLE"))
    assert {path.name for path in (tmp_path / "out").iterdir()} == set("01234567")


@pytest.mark.parametrize("jobs", ["0", "-1", "many", "1.5", ""])
def test_a_number_of_jobs_that_makes_no_sense_is_wrong_usage(
    plain_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], jobs: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        build_parser().parse_args([str(plain_clip), "--out", str(tmp_path), "--jobs", jobs])
    assert "must be a whole number of at least 1" in capsys.readouterr().err


@pytest.mark.operations_row(29)
def test_a_tar_of_a_local_video_has_keys_of_its_own(plain_clip: Path, tmp_path: Path) -> None:
    names: list[set[str]] = []
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "video.mp4").symlink_to(plain_clip)
        out = tmp_path / f"out-{place}"
        video = str(tmp_path / place / "video.mp4")
        assert main([video, "--out", str(out), "--output", "tar", "--max-frames", "1"]) == 0
        with tarfile.open(out / "video" / "frames.tar") as tar:
            names.append(set(tar.getnames()))
        assert json.loads((out / "video" / "manifest.json").read_text())["code"] == "video"
    assert [len(some) for some in names] == [2, 2]
    assert not names[0] & names[1]


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
