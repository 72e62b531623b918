"""Measure a tool on a clip: each run in a new process, and the median of several runs.

A tool that is missing or fails on a clip gives a result that says so.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.support.clips import ROOT
from benchmarks.support.ground_truth import NO_TIMES, Exactness, Truth
from benchmarks.support.memory import peak_memory
from benchmarks.support.tools import Shot, Tool

_PATIENCE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Task:
    """A video to process at one frame per `interval` seconds."""

    name: str
    video: Path
    truth: Truth
    interval: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One run; `cpu_seconds` includes all child processes."""

    cpu_seconds: float
    wall_seconds: float
    peak_megabytes: float
    frames: int
    exactness: Exactness


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no sample."""

    reason: str


Result = Sample | Failed


def measure(tool: Tool, task: Task, *, with_times: bool) -> Result:
    """Run `tool` once; `with_times` also checks the times of its frames, which is necessary only once."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        folder = Path(directory, "frames")
        folder.mkdir()
        answer = _run(tool, task, folder)
        if isinstance(answer, Failed):
            return answer
        shots = [Shot(**shot) for shot in answer["shots"]]
        if not shots:
            return Failed("gives no frames")
        return Sample(
            answer["cpu_seconds"],
            answer["wall_seconds"],
            answer["peak_megabytes"],
            len(shots),
            task.truth.exactness(shots, folder) if with_times else NO_TIMES,
        )


def middle(results: Sequence[Result]) -> Result:
    """Return the medians of the samples with the times of the first, or a failure if any run failed."""
    samples = [result for result in results if isinstance(result, Sample)]
    if len(samples) < len(results):
        return next(result for result in results if isinstance(result, Failed))
    return Sample(
        median(sample.cpu_seconds for sample in samples),
        median(sample.wall_seconds for sample in samples),
        median(sample.peak_megabytes for sample in samples),
        samples[0].frames,
        samples[0].exactness,
    )


def _run(tool: Tool, task: Task, folder: Path) -> dict[str, Any] | Failed:
    command = [sys.executable, "-m", "benchmarks.support.run_one", tool.name]
    command += [str(task.video.absolute()), str(task.interval), str(folder)]
    with (
        subprocess.Popen(
            command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, errors="replace"
        ) as process,
        peak_memory(process.pid) as peak,
    ):
        try:
            output, complaints = process.communicate(timeout=_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return Failed(f"not done after {_PATIENCE_SECONDS} s")
    if process.returncode != 0:
        return Failed(_reason(process.returncode, complaints))
    answer: dict[str, Any] = json.loads(output.splitlines()[-1])
    return Failed("not installed") if "missing" in answer else answer | {"peak_megabytes": peak.megabytes}


def _reason(status: int, complaints: str) -> str:
    if status < 0:
        return f"ended by signal {-status}"
    names = re.findall(r"^(?:\w+\.)*(\w+)(?=: |$)", complaints, re.MULTILINE)  # of the exception
    errors = [name for name in names if name.endswith(("Error", "Exception"))]
    return f"fails ({errors[-1]})" if errors else f"fails (status {status})"
