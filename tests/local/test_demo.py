"""The demo as a person runs it: a complete run, a run with files of one's own, and an interrupted one."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyarrow import parquet

from extractor.domain.manifest import parse_manifest
from local.embedded.child_process import ROOT

PATIENCE_SECONDS = 120


@contextmanager
def _demo(*arguments: object, mark: Path | None = None) -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(
        [sys.executable, "-m", "local.demo", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "DEMO_MARK": str(mark)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, output


def _table(output: str) -> dict[str, list[str]]:
    """The cells of the printed table, by code."""
    rows = output[output.index("VIDEO  ") :].partition("\n\n")[0].splitlines()[1:]
    return {cells[0]: cells[1:] for row in rows if (cells := row.split())}


def _marked_processes(mark: Path) -> list[str]:
    """The processes that have inherited the mark, found by their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"DEMO_MARK={mark}\0".encode() in (folder / "environ").read_bytes():
                found.append(folder.name)
        except OSError:  # it ended meanwhile
            continue
    return found


def test_the_demo_extracts_six_clips_and_dead_letters_the_broken_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with _demo("--out", out) as process:
        status, output = _finish(process)
    assert status == 0, output
    table = _table(output)
    assert {code for code, cells in table.items() if "extracted" in cells} == {
        "demo-landscape",
        "demo-portrait",
        "demo-short",
        "demo-vfr",
        "demo-scenes",
        "demo-long",
    }
    page = (out / "index.html").read_text()
    slices = re.search(r"made in</dt><dd>(\d+) slices", page)
    assert slices
    assert int(slices[1]) > 2
    assert table["demo-long"][1] == "120"
    assert table["demo-truncated"][0] == "failed"
    assert "TRUNCATED:" in table["demo-truncated"]
    assert "demo-truncated" in page
    event, _ = json.JSONDecoder().raw_decode(output[output.index("\n{\n") + 1 :])
    assert (event["specversion"], event["type"]) == ("1.0", "frame-extractor.video.done")
    assert "got 7 signed notifications" in output
    count = sum(int(cells[1]) for cells in table.values() if cells[1].isdecimal())
    assert f"Read back: {count} images" in output
    assert len(parquet.read_table(out / "dataset" / "frames.parquet")) == count
    for path in out.glob("frames/*/manifest.json"):
        manifest = parse_manifest(path.read_bytes())
        assert manifest is not None
        assert all(
            (out / "frames" / frame.key).stat().st_size == frame.size_bytes for frame in manifest.frames
        )
    assert "Distinct frames: 4 of 8" in page
    portrait = parse_manifest((out / "frames/demo-portrait/manifest.json").read_bytes())
    assert portrait is not None
    assert {(frame.width, frame.height) for frame in portrait.frames} == {(360, 640)}


def test_a_file_that_is_no_video_is_reported_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "no video.mp4").write_bytes(b"this is no video at all" * 100)
    with _demo("--out", tmp_path / "out", tmp_path / "no video.mp4") as process:
        status, output = _finish(process)
    assert status == 1, output
    assert _table(output)["no-video"][0] == "failed"


def test_a_missing_file_is_reported_before_anything_starts(tmp_path: Path) -> None:
    with _demo("--out", tmp_path / "out", tmp_path / "missing.mp4") as process:
        status, output = _finish(process)
    assert status == 2
    assert "missing.mp4" in output
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc to find processes")
def test_ctrl_c_ends_the_demo_and_leaves_no_process(tmp_path: Path, plain_clip: Path) -> None:
    videos = [shutil.copy(plain_clip, tmp_path / f"{number}.mp4") for number in range(5)]
    with _demo("--out", tmp_path / "out", *videos, mark=tmp_path) as process:
        assert process.stdout is not None
        while "handler" not in process.stdout.readline():
            assert process.poll() is None
        assert len(_marked_processes(tmp_path)) > 1
        process.send_signal(signal.SIGINT)
        status, output = _finish(process)
    assert status == 130, output
    assert not _marked_processes(tmp_path)
