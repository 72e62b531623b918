"""What a command line gets and gives: pipes in, text out, whatever state its streams are in."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from extractor import extract_frames
from extractor.__main__ import main
from extractor.domain.option_checks import checked_policy
from extractor.domain.policy import SamplingPolicy, Strategy
from extractor.errors import VideoMissingError

ROOT = Path(__file__).parents[2]
COMMANDS = {
    "extractor": ["-m", "extractor", "--help"],
    "unpack": ["-m", "extractor", "unpack", "--help"],
    "enqueuer": [str(ROOT / "run_sqs_batches.py"), "--help"],
    "reconciler": ["-m", "extractor.reconcile", "--help"],
    "cloud": ["-m", "local.cloud", "--help"],
}


def _environment(**more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **more}


def _shell(
    command: str, folder: Path, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """`command` in a shell, in which `python` is this one."""
    script = f'python() {{ "{sys.executable}" "$@"; }}\n{command}'
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment or _environment(),
        capture_output=True,
        check=False,
    )


def _frames(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.jpg"))


@pytest.mark.operations_row(35)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_reader_that_goes_early_is_a_quiet_end(command: Sequence[str], tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as output:
        run = subprocess.run(
            [sys.executable, *command],
            stdout=output,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=_environment(),
            check=False,
        )
    assert (run.returncode, run.stderr) == (141, b"")


@pytest.mark.operations_row(35)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_full_disk_behind_standard_output_is_one_line_and_status_3(
    command: Sequence[str], tmp_path: Path
) -> None:
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            [sys.executable, *command],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=_environment(),
            check=False,
        )
    assert run.returncode == 3
    assert run.stderr == b"error: standard output cannot be written: No space left on device\n"


@pytest.mark.operations_row(35)
def test_videos_end_quietly_too_and_leave_nothing_half_done(plain_clip: Path, tmp_path: Path) -> None:
    command = f"python -m extractor {plain_clip} {plain_clip} --out out --max-frames 1"
    run = _shell(f"{command} | true; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert (run.returncode, run.stderr) == (141, b"")
    full = _shell(f"{command} > /dev/full", tmp_path)
    assert full.returncode == 3
    assert len(full.stderr.splitlines()) == 1
    assert not list((tmp_path / "out").rglob(".partial-*"))


@pytest.mark.operations_row(37)
def test_a_name_that_the_output_cannot_encode_is_written_all_the_same(
    plain_clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "für-日本.mp4").symlink_to(plain_clip)
    run = _shell(
        "python -m extractor *.mp4 missing-é.mp4 --out out --max-frames 1",
        tmp_path,
        _environment(PYTHONIOENCODING="ascii", LC_ALL="C.UTF-8"),
    )
    assert run.returncode == 1
    assert b"1 frame of 4.00 s" in run.stdout
    assert b"VIDEO_MISSING" in run.stderr
    assert b"Traceback" not in run.stderr


@pytest.mark.operations_row(37)
def test_a_name_that_is_no_text_gives_frames(plain_clip: Path, tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.mp4")).symlink_to(plain_clip)
    run = _shell("python -m extractor *.mp4 --out out --max-frames 1", tmp_path)
    assert (run.returncode, run.stderr) == (0, b"")
    (folder,) = (tmp_path / "out").iterdir()
    assert json.loads((folder / "manifest.json").read_text())["code"] == r"caf\xe9"


@pytest.mark.operations_row(37)
@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&-", "0<&- 1>&- 2>&-"])
def test_closed_descriptors_do_no_harm(plain_clip: Path, tmp_path: Path, closed: str) -> None:
    run = _shell(f"python -m extractor {plain_clip} --out out --max-frames 2 {closed}", tmp_path)
    assert run.returncode == 0
    assert len(_frames(tmp_path / "out" / "plain")) == 2


@pytest.mark.operations_row(37)
@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"max_frames": 2.0}, "max_frames"),
        ({"quality": 90.5}, "quality"),
        ({"quality": "90"}, "quality"),
        ({"max_frames": "2"}, "max_frames"),
        ({"frame_interval": "1"}, "frame_interval"),
        ({"frame_interval": None}, "frame_interval"),
        ({"quality": None}, "quality"),
        ({"max_frames": 0}, "max_frames"),
        ({"frame_interval": float("nan")}, "interval"),
        ({"strategy": ["uniform"]}, "strategy"),
    ],
)
def test_an_option_of_the_wrong_kind_is_named_before_any_work(
    tmp_path: Path, options: dict[str, object], name: str
) -> None:
    with pytest.raises(ValueError, match=f"^{name}: must be "):
        extract_frames("no such file", tmp_path / "out", **options)  # type: ignore[arg-type]


@pytest.mark.operations_row(37)
@pytest.mark.parametrize("field", ["max_frames", "quality", "max_width", "max_height", "skip_similar"])
def test_a_policy_takes_whole_numbers_where_it_counts(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field}: must be a whole number"):
        checked_policy(SamplingPolicy(**{field: 2.0}))  # type: ignore[arg-type]


@pytest.mark.operations_row(37)
@pytest.mark.parametrize(
    "command",
    [
        "cat {clip} | python -m extractor - --out out --max-frames 2",
        "cat {clip} | python -m extractor /dev/stdin --out out --max-frames 2",
        "python -m extractor /dev/stdin --out out --max-frames 2 < {clip}",
        "python -m extractor - --out out --max-frames 2 < {clip}",
        "python -m extractor <(cat {clip}) --out out --max-frames 2",
    ],
)
def test_a_pipe_is_as_good_as_a_file(plain_clip: Path, tmp_path: Path, command: str) -> None:
    run = _shell(command.format(clip=plain_clip), tmp_path)
    assert (run.returncode, run.stderr) == (0, b"")
    (folder,) = (tmp_path / "out").iterdir()
    extract_frames(plain_clip, tmp_path / "file", max_frames=2)
    assert [(folder / name).read_bytes() for name in _frames(folder)] == [
        (tmp_path / "file" / name).read_bytes() for name in _frames(tmp_path / "file")
    ]
    assert json.loads((folder / "manifest.json").read_text())["source"]["size_bytes"] == (
        plain_clip.stat().st_size
    )


@pytest.mark.parametrize(
    ("path", "what"), [("gone.mp4", "there is no file"), (".", "a folder"), ("/dev/null", "neither a file")]
)
def test_a_bad_path_is_called_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VideoMissingError, match=what):
        extract_frames(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_ffmpeg_that_is_not_there_is_named(
    plain_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FFMPEG_BINARY", "/no/such/ffmpeg")
    assert main([str(plain_clip), "--out", str(tmp_path)]) == 2
    assert "FFMPEG_BINARY: '/no/such/ffmpeg' is not an executable program" in capsys.readouterr().err


def test_timestamps_behind_the_end_are_noted(
    plain_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(plain_clip), "--out", str(tmp_path), "--timestamps", "0,3.96,3.97,99"]) == 0
    note = "2 of 4 timestamps lie after the last frame, at 3.960 s, and have no frame: 3.97, 99"
    assert note in capsys.readouterr().err
    manifest = json.loads((tmp_path / "plain" / "manifest.json").read_text())
    assert manifest["notes"] == [note]
    assert [frame["slot"] for frame in manifest["frames"]] == [0, 1]


def test_timestamps_that_have_frames_are_not_noted(
    plain_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(plain_clip), "--out", str(tmp_path), "--timestamps", "0,3.96"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("strategy", ["keyframe", "scene"])
def test_an_interval_without_effect_is_refused_before_any_work(strategy: Strategy, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="interval: has no effect"):
        extract_frames(tmp_path / "missing.mp4", tmp_path / "out", frame_interval=2, strategy=strategy)
