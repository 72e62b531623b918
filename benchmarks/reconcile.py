"""`python -m benchmarks.reconcile`: time and memory of `verify` on a table of finished videos.

Creates finished videos: a row, a video, its manifest and two frames each, as small as possible. `verify` runs
in one process and an S3 server (moto) in another, over HTTP; they share the CPUs. The rows are in SQLite, or
in PostgreSQL behind PostgREST. Prints Markdown.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support.clips import ROOT
from benchmarks.support.environment import describe_machine
from benchmarks.support.finished_videos import FRAMES, FRAMES_EACH, STATES, VIDEOS, serving_videos
from benchmarks.support.memory import peak_memory
from benchmarks.support.tables import render_table

_HEADINGS = ("videos", "objects", "videos a second", "wall s", "CPU s", "CPU ms a video", "peak MB")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of `verify`, with the CPU time and the peak resident memory of its process."""

    videos: int
    wall_seconds: float
    cpu_seconds: float
    peak_megabytes: float


def main() -> int:
    """Create and verify each number of videos, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--videos", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument("--state", choices=sorted(STATES), default="sqlite")
    arguments = parser.parse_args()
    runs = [_run(videos, arguments.state) for videos in arguments.videos]
    print(f"{describe_machine()}; {arguments.state}.\n")
    print(render_table(_HEADINGS, [_row(run) for run in runs]))
    return 0


def _row(run: Run) -> Sequence[str]:
    return (
        f"{run.videos:,}",
        f"{run.videos * (FRAMES_EACH + 2):,}",
        f"{run.videos / run.wall_seconds:,.0f}",
        f"{run.wall_seconds:.1f}",
        f"{run.cpu_seconds:.1f}",
        f"{1000 * run.cpu_seconds / run.videos:.2f}",
        f"{run.peak_megabytes:.0f}",
    )


def _run(videos: int, state: str) -> Run:
    with (
        tempfile.TemporaryDirectory(prefix="reconcile-") as folder,
        serving_videos(videos) as endpoint_url,
        STATES[state](Path(folder), videos) as state_settings,
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
    """Return the CPU time of the children that have ended."""
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
        "S3_BUCKET_FRAMES": FRAMES,
        "S3_BUCKET_VIDEOS": VIDEOS,
    }


if __name__ == "__main__":
    sys.exit(main())
