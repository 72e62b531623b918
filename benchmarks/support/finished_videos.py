"""Create finished videos: a row, a video, its manifest and two frames each, as small as possible."""

import hashlib
import logging
import multiprocessing
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path

from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.s3.models import S3Backend, s3_backends
from msgspec.structs import replace

from benchmarks.support.clips import ROOT
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.domain.jobs import SourceVideo
from extractor.domain.layout import parse_layout
from tests.support.samples import a_manifest
from tests.support.servers.supabase import supabase

FRAMES, VIDEOS = "frames", "videos"
"""The buckets."""

FRAMES_EACH = 2

_TABLE = "watched_content"
_PLATFORM = "instagram"
_DATA = b"x"
_ACCOUNT = "123456789012"


def _code(number: int) -> str:
    """Return a code; codes are evenly distributed, like real ones, and reproducible."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:11]


@contextmanager
def _on_sqlite(folder: Path, videos: int) -> Iterator[dict[str, str]]:
    path = folder / "state.sqlite"
    SqliteStateStore(path, _TABLE)
    insert = (
        f"INSERT INTO {_TABLE} (code, is_fetched, is_extracted, frame_count) VALUES (?, 1, 1, {FRAMES_EACH})"
    )
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(insert, ((_code(number),) for number in range(videos)))
    yield {"STATE_BACKEND": "sqlite", "SQLITE_PATH": str(path)}


@contextmanager
def _on_supabase(folder: Path, videos: int) -> Iterator[dict[str, str]]:  # noqa: ARG001 - as the other one
    with supabase((ROOT / "scripts" / "schema.sql").read_text()) as server:
        numbers = iter(range(videos))
        while some := list(islice(numbers, 10_000)):
            rows = ", ".join(f"('{_code(number)}', true, true, {FRAMES_EACH})" for number in some)
            columns = "code, is_fetched, is_extracted, frame_count"
            server.database.sql(f"insert into {_TABLE} ({columns}) values {rows}")
        yield {
            "STATE_BACKEND": "supabase",
            "SUPABASE_URL": server.url,
            "SUPABASE_KEY": server.service_key,
        }


STATES = {"sqlite": _on_sqlite, "supabase": _on_supabase}


@contextmanager
def serving_videos(videos: int) -> Iterator[str]:
    """Run an S3 server with the videos in a process of its own, so that its CPU time does not count."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, videos))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join()


def _serve(pipe: Connection, videos: int) -> None:
    """Create the objects inside the server's process, because HTTP would take longer than the measurement."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    backend = s3_backends[_ACCOUNT]["aws"]
    for bucket in (FRAMES, VIDEOS):
        backend.create_bucket(bucket, "us-east-1")
    for number in range(videos):
        _plant(backend, _code(number))
    host, port = server.get_host_and_port()
    pipe.send(f"http://{host}:{port}")
    pipe.recv()
    server.stop()


def _plant(backend: S3Backend, code: str) -> None:
    key = f"{_PLATFORM}/{code}/video.mp4"
    etag = backend.put_object(VIDEOS, key, _DATA).etag.strip('"')
    manifest = a_manifest(code, SourceVideo(VIDEOS, key, etag, len(_DATA)), frame_count=FRAMES_EACH)
    frame_keys = parse_layout("default").frame_keys(
        code=code, platform=_PLATFORM, video_id=None, interval_seconds=1, extension="jpg"
    )
    frames = tuple(
        replace(frame, key=frame_keys.frame_key(frame.index, frame.slot, frame.pts_seconds), size_bytes=1)
        for frame in manifest.frames
    )
    for frame in frames:
        backend.put_object(FRAMES, frame.key, _DATA)
    done = replace(manifest, platform=_PLATFORM, frames=frames)
    backend.put_object(FRAMES, f"{frame_keys.prefix}manifest.json", done.to_json())
