"""Measure how many videos `python -m extractor --jobs N` gets done."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tqdm import tqdm

from benchmarks.support.child import run_well
from benchmarks.support.results import Cost

JOBS = (1, 2)


def measure_jobs(videos: Sequence[Path], repeat: int) -> dict[int, Cost]:
    """Return the median cost of one command line for all videos, by number of jobs."""
    turns = [jobs for _ in range(repeat) for jobs in JOBS]
    costs: dict[int, list[Cost]] = {jobs: [] for jobs in JOBS}
    for jobs in tqdm(turns, desc="jobs"):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            argv = [sys.executable, "-m", "extractor", *(str(video.absolute()) for video in videos)]
            cost = run_well([*argv, "--out", folder, "--jobs", str(jobs)])
        costs[jobs].append(cost)
    return {jobs: _middle(found) for jobs, found in costs.items()}


def _middle(costs: Sequence[Cost]) -> Cost:
    return Cost(median(cost.cpu_seconds for cost in costs), median(cost.wall_seconds for cost in costs))
