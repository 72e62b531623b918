"""`python -m benchmarks.reconcile`: how fast a finished table is verified, and in how much memory.

Plants finished videos: for each a row, a video, its manifest and two frames, all as small as they can be.
`verify` runs in a process of its own against an S3 server (moto) in another one, over real HTTP; both share
the processors. The rows lie in SQLite, or in PostgreSQL behind PostgREST. Prints Markdown.
"""

import argparse
import hashlib
import logging
import multiprocessing
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path

from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.s3.models import S3Backend, s3_backends

from benchmarks.clips import ROOT
from benchmarks.machine import describe_machine
from benchmarks.memory import peak_memory
from benchmarks.tables import render_table
from extractor.adapters.sqlite import SqliteStateStore
from extractor.layout import parse_layout
from extractor.models import SourceVideo
from tests.samples import a_manifest
from tests.servers.supabase import supabase

_TABLE = "watched_content"
_FRAMES, _VIDEOS = "frames", "videos"
_PLATFORM = "instagram"
_DATA = b"x"
_ACCOUNT = "123456789012"
_FRAMES_EACH = 2
_HEADINGS = ("videos", "objects", "videos a second", "wall s", "CPU s", "CPU ms a video", "peak MB")


@dataclass(frozen=True, slots=True)
class Run:
    """One `verify`. The processor's time and the peak of the resident memory are those of its process."""

    videos: int
    wall_seconds: float
    cpu_seconds: float
    peak_megabytes: float


def main() -> int:
    """Plant and verify each number of videos, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--videos", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument("--state", choices=sorted(_STATES), default="sqlite")
    arguments = parser.parse_args()
    runs = [_run(videos, arguments.state) for videos in arguments.videos]
    print(f"{describe_machine()}; {arguments.state}.\n")
    print(render_table(_HEADINGS, [_row(run) for run in runs]))
    return 0


def _row(run: Run) -> Sequence[str]:
    return (
        f"{run.videos:,}",
        f"{run.videos * (_FRAMES_EACH + 2):,}",
        f"{run.videos / run.wall_seconds:,.0f}",
        f"{run.wall_seconds:.1f}",
        f"{run.cpu_seconds:.1f}",
        f"{1000 * run.cpu_seconds / run.videos:.2f}",
        f"{run.peak_megabytes:.0f}",
    )


def _run(videos: int, state: str) -> Run:
    with (
        tempfile.TemporaryDirectory(prefix="reconcile-") as folder,
        _bucket_server(videos) as endpoint_url,
        _STATES[state](Path(folder), videos) as state_settings,
    ):
        settings = {**_settings(endpoint_url), **state_settings}
        return _verify(videos, settings, folder)


def _verify(videos: int, settings: dict[str, str], folder: str) -> Run:
    cpu, wall = _cpu_of_children(), time.perf_counter()
    with (
        subprocess.Popen(
            [sys.executable, "-m", "extractor.reconcile", "verify", "--older-than", "0s"],
            env=settings,
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
        peak_memory(process.pid) as peak,
    ):
        output, _ = process.communicate()
    if output != f"{videos} rows compared: no findings\n":
        raise RuntimeError(f"verify ended with {process.returncode}: {output}")
    return Run(videos, time.perf_counter() - wall, _cpu_of_children() - cpu, peak.megabytes)


def _cpu_of_children() -> float:
    """Of those that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _settings(endpoint_url: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "FRAMES_BUCKET": _FRAMES,
        "VIDEOS_BUCKET": _VIDEOS,
    }


def _code(number: int) -> str:
    """As even as real ones are, and the same ones every time."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:11]


@contextmanager
def _on_sqlite(folder: Path, videos: int) -> Iterator[dict[str, str]]:
    path = folder / "state.sqlite"
    SqliteStateStore(path, _TABLE)
    insert = (
        f"INSERT INTO {_TABLE} (code, is_fetched, is_extracted, frame_count) VALUES (?, 1, 1, {_FRAMES_EACH})"
    )
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(insert, ((_code(number),) for number in range(videos)))
    yield {"STATE_BACKEND": "sqlite", "SQLITE_PATH": str(path)}


@contextmanager
def _on_supabase(folder: Path, videos: int) -> Iterator[dict[str, str]]:  # noqa: ARG001 - as the other one
    with supabase((ROOT / "scripts" / "schema.sql").read_text()) as server:
        numbers = iter(range(videos))
        while some := list(islice(numbers, 10_000)):
            rows = ", ".join(f"('{_code(number)}', true, true, {_FRAMES_EACH})" for number in some)
            columns = "code, is_fetched, is_extracted, frame_count"
            server.database.sql(f"insert into {_TABLE} ({columns}) values {rows}")
        yield {
            "STATE_BACKEND": "supabase",
            "SUPABASE_URL": server.url,
            "SUPABASE_KEY": server.service_key,
        }


_STATES = {"sqlite": _on_sqlite, "supabase": _on_supabase}


@contextmanager
def _bucket_server(videos: int) -> Iterator[str]:
    """An S3 server with the videos in it, in a process of its own: what it costs is not the client's."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, videos))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join()


def _serve(pipe: Connection, videos: int) -> None:
    """Plants behind the server's back: by HTTP it would take longer than what is measured."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    backend = s3_backends[_ACCOUNT]["aws"]
    for bucket in (_FRAMES, _VIDEOS):
        backend.create_bucket(bucket, "us-east-1")
    for number in range(videos):
        _plant(backend, _code(number))
    host, port = server.get_host_and_port()
    pipe.send(f"http://{host}:{port}")
    pipe.recv()
    server.stop()


def _plant(backend: S3Backend, code: str) -> None:
    key = f"{_PLATFORM}/{code}/video.mp4"
    etag = backend.put_object(_VIDEOS, key, _DATA).etag.strip('"')
    manifest = a_manifest(code, SourceVideo(_VIDEOS, key, etag, len(_DATA)), frame_count=_FRAMES_EACH)
    naming = parse_layout("default").naming(
        code=code, platform=_PLATFORM, video_id=None, interval_seconds=1, extension="jpg"
    )
    frames = tuple(
        frame.model_copy(
            update={"key": naming.frame_key(frame.index, frame.slot, frame.pts_seconds), "size_bytes": 1}
        )
        for frame in manifest.frames
    )
    for frame in frames:
        backend.put_object(_FRAMES, frame.key, _DATA)
    done = manifest.model_copy(update={"platform": _PLATFORM, "frames": frames})
    backend.put_object(_FRAMES, f"{naming.prefix}manifest.json", done.to_json())


if __name__ == "__main__":
    sys.exit(main())
