"""File names may be any bytes, also such that are not UTF-8."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are Unicode")


def _run(*arguments: bytes, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    argv = [os.fsencode(sys.executable), b"-m", b"extractor", *arguments]
    return subprocess.run(argv, capture_output=True, env={**os.environ, **environment})


@pytest.mark.parametrize("environment", [{}, {"LC_ALL": "C"}], ids=["usual locale", "C"])
def test_any_file_name_works_on_the_command_line(
    tmp_path: Path, plain_clip: Path, environment: dict[str, str]
) -> None:
    folder = os.fsencode(tmp_path) + b"/f\xfcr"
    os.mkdir(folder)  # noqa: PTH102 - the name is bytes
    video, out = folder + b"/caf\xe9\n.mp4", folder + b"/out"
    Path(os.fsdecode(video)).symlink_to(plain_clip)
    ended = _run(video, b"--out", out, **environment)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.count(b"\n") == 1
    manifest = json.loads(Path(os.fsdecode(out + b"/caf\\xe9\n/manifest.json")).read_bytes())
    assert manifest["source"]["key"] == "caf\\xe9\n.mp4"
    assert len(manifest["frames"]) == 4


def test_one_that_fails_is_named_and_ends_no_other(tmp_path: Path, plain_clip: Path) -> None:
    bad = os.fsencode(tmp_path) + b"/bad\xff.mp4"
    Path(os.fsdecode(bad)).write_bytes(b"no video")
    absent = os.fsencode(tmp_path) + b"/absent\xff.mp4"
    ended = _run(bad, absent, os.fsencode(plain_clip), b"--out", os.fsencode(tmp_path / "out"))
    assert ended.returncode == 1
    assert ended.stderr.count(b"\n") == 2
    assert b"UNREADABLE" in ended.stderr
    assert b"VIDEO_MISSING" in ended.stderr
    assert ended.stdout.count(b"4 frames") == 1
