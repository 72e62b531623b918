"""A browser plays the track beside the video, and the gallery's storyboard answers to a hand on it."""

import json
import os
import queue
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from extractor.__main__ import main
from extractor.domain.manifest import Manifest, parse_manifest
from local.demo.gallery import Card, Gallery, render
from local.demo.outcomes import Finished, Outcome
from local.demo.videos import DemoVideo
from tests.output.storyboard.pictures import difference, read
from tests.support.servers.http import Answer, Request, serving
from tests.support.servers.requirement import missing

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE_SECONDS = 60
_TYPES = {".html": "text/html", ".vtt": "text/vtt", ".jpg": "image/jpeg", ".mp4": "video/mp4"}

_PLAYER = """<!doctype html>
<video muted src="plain.mp4"><track kind="metadata" src="storyboard.vtt"></video>
<script>
const told = (type, target) => new Promise((done) => target.addEventListener(type, done, { once: true }));
async function play() {
  const video = document.querySelector("video"), element = document.querySelector("track");
  const ready = [told("load", element), video.readyState ? null : told("loadedmetadata", video)];
  element.track.mode = "hidden";
  await Promise.all(ready);
  const cues = [...element.track.cues].map((cue) => [cue.startTime, cue.endTime, cue.text]);
  const shown = [];
  for (const seconds of [0.5, 2.5, 3.96]) {
    const changed = told("cuechange", element), sought = told("seeked", video);
    video.currentTime = seconds;
    await Promise.all([changed, sought]);
    shown.push([...element.track.activeCues].map((cue) => cue.text));
  }
  return { duration: video.duration, cues, shown };
}
play().then((found) => fetch("report", { method: "POST", body: JSON.stringify(found) }));
</script>
"""

_HAND = """<script>
addEventListener("load", () => {
  const [screen, range] = ["div", "input"].map((name) => document.querySelector(`.scrub ${name}`));
  const time = document.querySelector(".scrub time");
  const seen = () => [getComputedStyle(screen).backgroundPosition, time.textContent];
  const start = seen();
  range.value = 2.5;
  range.dispatchEvent(new Event("input"));
  const moved = seen();
  const box = screen.getBoundingClientRect();
  const place = { bubbles: true, clientX: box.left + box.width - 1, clientY: box.top + 1 };
  screen.dispatchEvent(new PointerEvent("pointermove", place));
  const hovered = seen();
  const image = getComputedStyle(screen).backgroundImage;
  const frame = screen.querySelector("img").getAttribute("src");
  const [card, search] = [".card", "#search"].map((name) => document.querySelector(name));
  const searched = ["no such video", "clip h264", ""].map((text) => {
    search.value = text;
    search.dispatchEvent(new Event("input"));
    return card.hidden;
  });
  const larger = box.width > document.querySelector(".frames img").getBoundingClientRect().width;
  const found = { start, moved, hovered, image, frame, searched, larger };
  fetch("report", { method: "POST", body: JSON.stringify(found) });
});
</script>
"""


def _browser() -> str:
    return next((path for name in _BROWSERS if (path := shutil.which(name))), "") or missing("Chromium")


@contextmanager
def _opened(url: str, profile: Path, *options: str) -> "Iterator[subprocess.Popen[str]]":
    command = [_browser(), "--headless=new", "--disable-gpu", f"--user-data-dir={profile}", *options, url]
    if os.geteuid() == 0:
        command.insert(1, "--no-sandbox")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _report(folder: Path, page: str, profile: Path) -> Any:
    """What the page, served from the folder, posts."""
    reports: queue.Queue[bytes] = queue.Queue()

    def answer(request: Request) -> Answer:
        if request.method == "POST":
            reports.put(request.body)
            return Answer(204)
        path = folder / request.path.removeprefix("/")
        return _part(path, request.headers) if path.is_file() else Answer(404)

    with serving(answer) as url, _opened(f"{url}/{page}", profile):
        return json.loads(reports.get(timeout=_PATIENCE_SECONDS))


def _part(path: Path, headers: Any) -> Answer:
    """Without ranges, Chromium does not seek."""
    data, kind = path.read_bytes(), {"Content-Type": _TYPES[path.suffix]}
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("Range", ""))
    if not asked:
        return Answer(200, data, kind)
    first, last = int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)
    content_range = {"Content-Range": f"bytes {first}-{last}/{len(data)}"}
    return Answer(206, data[first : last + 1], kind | content_range)


@pytest.fixture
def folder(plain_clip: Path, tmp_path: Path) -> Path:
    """The frames and the storyboard of a video of four seconds, and the video."""
    assert main([str(plain_clip), "--out", str(tmp_path / "frames"), "--storyboard"]) == 0
    made = tmp_path / "frames" / plain_clip.stem
    shutil.copy(plain_clip, made / "plain.mp4")
    return made


def _manifest(folder: Path) -> Manifest:
    manifest = parse_manifest((folder / "manifest.json").read_bytes())
    assert manifest is not None
    return manifest


def test_a_browser_plays_the_track_and_each_cue_shows_its_frame(folder: Path, tmp_path: Path) -> None:
    (folder / "player.html").write_text(_PLAYER)
    found = _report(folder, "player.html", tmp_path / "profile")
    frames = _manifest(folder).frames
    assert [cue[0] for cue in found["cues"]] == [frame.pts_seconds for frame in frames]
    assert [cue[1] for cue in found["cues"]] == [*(frame.pts_seconds for frame in frames[1:]), 4]
    assert found["shown"] == [[found["cues"][number][2]] for number in (0, 2, 3)]
    pictures = [read(folder / frame.key) for frame in frames]
    for number, (_, _, text) in enumerate(found["cues"]):
        name, region = text.split("#xywh=")
        x, y, width, height = map(int, region.split(","))
        tile = read(folder / name)[y : y + height, x : x + width]
        differences = [difference(tile, picture) for picture in pictures]
        assert differences[number] == min(differences) < 8
        assert sorted(differences)[1] > 1.5 * differences[number]


def _gallery(folder: Path) -> str:
    """The demo's page of this one video; its objects are below ``frames/clip``."""
    text = re.sub(r'"key": "(?!plain)', '"key": "clip/', (folder / "manifest.json").read_text())
    manifest = parse_manifest(text.encode())
    video = DemoVideo("clip", "A clip", Path("clip.mp4"))
    track = (folder / "storyboard.vtt").read_text()
    return render(Gallery([Card(video, Finished("clip", Outcome(), 0.5), manifest, track)], 1.0))


def test_the_gallery_shows_the_storyboard_from_a_plain_file(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "page/frames/clip")
    page = tmp_path / "page/index.html"
    page.write_text(_gallery(folder))
    with _opened(page.as_uri(), tmp_path / "profile", "--dump-dom") as process:
        html, _ = process.communicate(timeout=_PATIENCE_SECONDS)
    screen = re.search(r'<figure class="scrub".*?<div style="(.*?)">', html, re.DOTALL)
    assert screen, "the script may run under the page's own policy"
    assert "frames/clip/sprite-a.jpg" in screen[1]


def test_the_gallerys_storyboard_follows_the_slider_and_the_pointer(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "page/frames/clip")
    without_policy = re.sub(r'<meta http-equiv="Content-Security-Policy".*?>', "", _gallery(folder))
    (tmp_path / "page/index.html").write_text(without_policy + _HAND)
    found = _report(tmp_path / "page", "index.html", tmp_path / "profile")
    assert found["start"] == ["0px 0px", "0:00.000"]
    assert found["moved"] == ["-384px 0px", "0:02.000"]
    assert found["hovered"] == ["-576px 0px", "0:03.000"]
    assert found["image"].endswith('/frames/clip/sprite-a.jpg")')
    assert found["frame"] == "frames/clip/000003.jpg"
    assert found["searched"] == [True, False, False]
    assert found["larger"]
