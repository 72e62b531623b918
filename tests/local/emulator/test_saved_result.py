"""`invoke_local.sh VIDEO --out DIR` keeps the frames, and a page that shows them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local import saved_result
from local.embedded.child_process import ROOT
from tests.support.media import clips


def _invoke(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    return subprocess.run(
        [sys.executable, "-P", "-m", "local.invoke", "--no-docker", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_frames_and_the_page_are_kept(tmp_path: Path) -> None:
    clips.plain(tmp_path / "My clip.mp4", 2)
    result = _invoke("My clip.mp4", "--out", "kept", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    page = tmp_path / "kept" / "index.html"
    assert f"Open {page}" in result.stderr
    for name in ("000000.jpg", "000001.jpg"):
        assert (tmp_path / "kept" / "frames" / "My-clip" / name).read_bytes().startswith(b"\xff\xd8")
        assert f'"frames/My-clip/{name}"' in page.read_text()


def test_a_video_that_failed_is_shown_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 100)
    result = _invoke("broken.mp4", "--out", "kept", folder=tmp_path)
    assert result.returncode == 1
    assert "UNREADABLE" in (tmp_path / "kept" / "index.html").read_text()


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = _invoke("--out", str(tmp_path), folder=tmp_path)
    assert result.returncode == 2
    assert "contains other files" in result.stderr


def test_a_real_account_is_not_copied(tmp_path: Path) -> None:
    result = _invoke("CODE", "--aws", "--out", "kept", folder=tmp_path)
    assert result.returncode == 2
    assert "--out is for the embedded cloud" in result.stderr


@pytest.mark.parametrize(("environ", "is_opened"), [({"DISPLAY": ":0"}, True), ({}, False)])
def test_the_page_is_opened_where_there_is_a_desktop(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], is_opened: bool
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("webbrowser.open", opened.append)
    saved_result.show(Path("/kept/index.html"), environ)
    assert opened == ["file:///kept/index.html"] * is_opened
