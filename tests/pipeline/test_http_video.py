"""Frames of videos at http addresses are those of the file, and credentials in an address stay secret."""

import logging
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from extractor.__main__ import main
from extractor.backends.storage.http import open_file
from extractor.domain.policy import SamplingPolicy
from extractor.errors import (
    AccessDeniedError,
    ExtractorError,
    SourceChangedError,
    StorageUnavailableError,
    TooLargeError,
    VideoMissingError,
)
from extractor.pipeline.local import extract_to_folder, local_config
from extractor.pipeline.remote_video import HttpVideo, parse_remote
from tests.support.media import clips

HEAD = 1 << 12
PICTURES = "-f lavfi -i testsrc2=size=320x180:rate=25 -t 6 -c:v libx264 -preset ultrafast -crf 20 -g 25"
SECRET = "X-Amz-Signature=c0ffee"
ONE = SamplingPolicy(strategy="timestamps", timestamps_seconds=(4.3,))


@dataclass
class Site:
    """A server of one file, at any path, to those who know the secret."""

    data: bytes
    url: str = ""
    version: dict[str, str] = field(default_factory=lambda: {"ETag": '"one"'})
    has_ranges: bool = True
    ignores_end: bool = False
    announces_size: bool = True
    to: str | None = None
    """Where to redirect paths that begin with ``/moved``."""
    sent_bytes: int = 0
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    after_first: Callable[["Site"], None] = lambda site: None

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests.append((handler.path, dict(handler.headers)))
        if handler.path.startswith("/moved"):
            handler.send_response(302)
            handler.send_header("Location", self.to or "")
            handler.end_headers()
            return
        if SECRET not in handler.path:
            handler.send_error(403)
            return
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", handler.headers.get("Range", ""))
        etag = self.version.get("ETag")
        if etag and handler.headers.get("If-Match", etag) != etag:
            handler.send_error(412)
            return
        body, total = self.data, len(self.data)
        if wanted and self.has_ranges:
            first, last = int(wanted[1]), min(int(wanted[2]), total - 1)
            if first >= total:
                handler.send_error(416)
                return
            if self.ignores_end:
                last = total - 1
            body = self.data[first : last + 1]
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {first}-{last}/{total}")
        else:
            handler.send_response(200)
        for header, value in self.version.items():
            handler.send_header(header, value)
        if self.announces_size:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        self.sent_bytes += len(body)
        self.after_first(self)


@pytest.fixture(autouse=True)
def _small_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small clips have gaps as well."""
    monkeypatch.setattr("extractor.pipeline.remote_video.HEAD_BYTES", HEAD)
    monkeypatch.setattr("extractor.pipeline.partial_copy.HEAD_BYTES", HEAD)
    monkeypatch.setattr("extractor.pipeline.needed_bytes._MAX_GAP_BYTES", 1 << 10)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "my clip.mp4"
    clips.ffmpeg(f"{PICTURES} {{0}}", path)
    return path


@pytest.fixture
def site(clip: Path) -> Iterator[Site]:
    found = Site(clip.read_bytes())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.answer(self)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found.url = f"http://127.0.0.1:{server.server_port}"
        yield found
        server.shutdown()


def _frames(video: Path | HttpVideo, folder: Path) -> list[tuple[str, float]]:
    manifest = extract_to_folder(video, folder, ONE, local_config())
    return [(frame.sha256, frame.pts_seconds) for frame in manifest.frames]


def _video(site: Site, path: str = "/clip.mp4") -> HttpVideo:
    return HttpVideo(f"{site.url}{path}?{SECRET}", "needed")


@pytest.mark.parametrize(
    ("version", "has_ranges", "in_part"),
    [
        ({"ETag": '"one"'}, True, True),
        ({"Last-Modified": "Sat, 01 Nov 2025 10:00:00 GMT"}, True, True),
        ({"ETag": 'W/"one"'}, True, False),
        ({"ETag": '"one"'}, False, False),
    ],
)
def test_the_frames_are_those_of_the_file_from_fewer_bytes_where_the_server_allows_it(
    version: dict[str, str], has_ranges: bool, in_part: bool, site: Site, clip: Path, tmp_path: Path
) -> None:
    site.version, site.has_ranges = version, has_ranges
    site.announces_size = has_ranges
    expected = _frames(clip, tmp_path / "whole")
    assert _frames(_video(site), tmp_path / "one") == expected
    assert (site.sent_bytes < len(site.data) / 2) == in_part


def test_a_redirection_is_followed_with_the_range_and_the_version(
    site: Site, clip: Path, tmp_path: Path
) -> None:
    site.to = f"{site.url}/there.mp4?{SECRET}"
    assert _frames(_video(site, "/moved"), tmp_path / "one") == _frames(clip, tmp_path / "whole")
    assert all("Range" in headers for _, headers in site.requests)
    (_, *later) = [headers for path, headers in site.requests if "there" in path]
    assert {headers.get("If-Match") for headers in later} == {'"one"'}


@pytest.mark.parametrize(
    ("to", "error"),
    [
        ("file:///etc/passwd", StorageUnavailableError),
        ("ftp://127.0.0.1/clip.mp4", StorageUnavailableError),
        ("/moved", StorageUnavailableError),
        ("/denied", AccessDeniedError),
    ],
)
def test_a_redirection_to_elsewhere_is_an_error(
    to: str, error: type[ExtractorError], site: Site, tmp_path: Path
) -> None:
    site.to = to
    with pytest.raises(error):
        _frames(_video(site, "/moved"), tmp_path / "one")
    assert len(site.requests) <= 10


@pytest.mark.parametrize("changes", ["version", "version, unsaid", "length", "shorter than a range"])
def test_a_file_that_changes_meanwhile_gives_no_frames(changes: str, site: Site, tmp_path: Path) -> None:
    def change(site: Site) -> None:
        if changes == "length":
            site.data += b"\0"
        elif changes == "shorter than a range":
            site.data = site.data[:HEAD]
        else:
            site.version = {"ETag": '"two"'} if changes == "version" else {"Last-Modified": "later"}

    site.after_first = change
    with pytest.raises(SourceChangedError):
        _frames(_video(site), tmp_path / "one")
    assert not (tmp_path / "one").exists()


def test_a_file_is_read_as_a_whole_if_the_server_ignores_the_end_of_a_range(site: Site) -> None:
    site.ignores_end = True
    with open_file(_video(site).url, "clip", HEAD) as file:
        assert file.ranges is None
        assert b"".join(file.chunks()) == site.data


def test_the_bytes_of_a_slow_server_are_passed_on_as_they_arrive(site: Site) -> None:
    """So a run that is interrupted need not wait for a chunk of a megabyte."""
    arrived, answer = threading.Event(), site.answer

    def slowly(handler: BaseHTTPRequestHandler) -> None:
        send = handler.wfile.write

        def write(body: Any) -> int:
            if len(body) < HEAD:  # the headers
                return send(body)
            send(body[:1_000])
            assert arrived.wait(10)
            return 1_000 + send(body[1_000:])

        handler.wfile.write = write  # type: ignore[method-assign]
        answer(handler)

    with open_file(_video(site).url, "clip", HEAD) as file:
        assert file.ranges is not None
        site.answer = slowly  # type: ignore[method-assign]
        chunks = file.ranges.chunks(range(HEAD, 3 * HEAD))
        first = next(chunks)
        arrived.set()
        assert first + b"".join(chunks) == site.data[HEAD : 3 * HEAD]
        assert len(first) <= 1_000


def test_a_file_without_end_stops_where_the_disk_is_full(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.has_ranges = site.announces_size = False
    monkeypatch.setattr(
        "extractor.pipeline.remote_video.shutil.disk_usage", lambda _: type("Usage", (), {"free": 1_000})
    )
    with pytest.raises(TooLargeError):
        _frames(_video(site), tmp_path / "one")


def test_the_secret_of_an_address_is_nowhere(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    address, out = f"{site.url}/a/my%20clip.mp4?{SECRET}", tmp_path / "out"
    arguments = ["--out", str(out), "--timestamps", "4.3", "--fetch", "needed", "--jobs", "1"]
    assert main([address, f"{site.url}/moved?{SECRET}", *arguments]) == 1
    printed = capsys.readouterr()
    assert f"{site.url}/a/my%20clip.mp4: 1 frame of 6.00 s, " in printed.out
    assert f"MB fetched -> {out}/my clip\n" in printed.out
    assert main([f"http://user:{SECRET}@127.0.0.1/clip.mp4", *arguments]) == 2
    assert main([f"https://?{SECRET}", *arguments]) == 2
    printed_later = capsys.readouterr()
    told = [*printed, *printed_later, caplog.text, repr(_video(site))]
    told += [path.read_text(errors="replace") + str(path) for path in out.rglob("*") if path.is_file()]
    assert not [text for text in told if "c0ffee" in text]
    assert f'"{site.url}/a/my%20clip.mp4"' in (out / "my clip" / "manifest.json").read_text()


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://host/a/%D7%A9.mp4", "ש.mp4"),
        ("https://host/a/ש.mp4#t=1", "ש.mp4"),
        ("https://host/..%2F..%2Fx.mp4", "..%2F..%2Fx.mp4"),
        ("https://host/%0A.mp4", "%0A.mp4"),
        ("https://host?x=1", "host"),
    ],
)
def test_an_address_gives_its_folder_a_plain_name(address: str, name: str) -> None:
    video = parse_remote(address)
    assert video.path.name == name
    assert isinstance(video, HttpVideo)
    assert video.url.isascii()


def test_a_file_that_is_not_there_is_named(site: Site, tmp_path: Path) -> None:
    site.answer = lambda handler: handler.send_error(404)  # type: ignore[method-assign]
    with pytest.raises(VideoMissingError, match=r"cannot read http://\S+/clip.mp4 \(HTTP 404\)"):
        _frames(_video(site), tmp_path / "one")
