"""Measure how many videos `python -m extractor --jobs N` gets done."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tqdm import tqdm

from benchmarks.support.child import run_well

JOBS = (1, 2)


def measure_jobs(videos: Sequence[Path], repeat: int) -> dict[int, float]:
    """Return the median of the wall seconds of one command line for all videos, by number of jobs."""
    turns = [jobs for _ in range(repeat) for jobs in JOBS]
    seconds: dict[int, list[float]] = {jobs: [] for jobs in JOBS}
    for jobs in tqdm(turns, desc="jobs"):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            argv = [sys.executable, "-m", "extractor", *(str(video.absolute()) for video in videos)]
            cost = run_well([*argv, "--out", folder, "--jobs", str(jobs)])
        seconds[jobs].append(cost.wall_seconds)
    return {jobs: median(values) for jobs, values in seconds.items()}
