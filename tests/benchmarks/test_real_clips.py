"""Real clips are taken only if they are what they should be."""

import hashlib
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from benchmarks import real_clips
from benchmarks.real_clips import REAL_CLIPS, ClipUnavailableError, RealClip, fetch_clip

DATA = b"a clip"


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_known = self.path == "/o/r/c0ffee/a%20clip.mp4"
        self.send_response(200 if is_known else 404)
        self.end_headers()
        self.wfile.write(DATA if is_known else b"")

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def site(server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_clips, "SITE", f"http://127.0.0.1:{server.server_port}")


def clip(data: bytes = DATA, path: str = "a clip.mp4") -> RealClip:
    digest = hashlib.sha256(data).hexdigest()
    return RealClip("clip.mp4", "o/r", "c0ffee", path, digest, len(data), "MIT")


@pytest.mark.usefixtures("site")
def test_a_clip_is_downloaded_once(tmp_path: Path) -> None:
    folder = tmp_path / "real"
    assert fetch_clip(clip(), folder).read_bytes() == DATA
    assert [path.name for path in folder.iterdir()] == ["clip.mp4"]
    assert fetch_clip(clip(path="gone.mp4"), folder) == folder / "clip.mp4"


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("other", [b"a ClIp", b"a clip and more"])
def test_a_download_with_other_contents_is_refused_and_not_kept(tmp_path: Path, other: bytes) -> None:
    with pytest.raises(ClipUnavailableError, match=r"is not clip\.mp4"):
        fetch_clip(clip(other), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_local_copy_with_other_contents_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"other!")
    with pytest.raises(ClipUnavailableError, match=re.escape(str(tmp_path / "clip.mp4"))):
        fetch_clip(clip(), tmp_path)


@pytest.mark.usefixtures("site")
def test_a_failed_download_says_where_to_place_the_clip(tmp_path: Path) -> None:
    with pytest.raises(ClipUnavailableError, match=r"404.*place it at .*clip\.mp4"):
        fetch_clip(clip(path="gone.mp4"), tmp_path)


def test_at_least_ten_clips_are_pinned_to_a_commit_and_a_hash() -> None:
    assert len({one.name for one in REAL_CLIPS}) == len(REAL_CLIPS) >= 10
    assert all(re.fullmatch("[0-9a-f]{40}", one.commit) for one in REAL_CLIPS)
    assert all(re.fullmatch("[0-9a-f]{64}", one.sha256) for one in REAL_CLIPS)
