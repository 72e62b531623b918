"""Measure a tool on a video: in a warm process, and as a whole process.

A tool that is missing or fails on a video gives a result that says so.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.support.child import PATIENCE_SECONDS, kill_session, run
from benchmarks.support.clips import ROOT
from benchmarks.support.ground_truth import Truth
from benchmarks.support.memory import peak_memory
from benchmarks.support.results import NO_TIMES, Cost, Failed, FFmpegRuns, Result, Sample
from benchmarks.support.tools import Shot, Tool


def measure(tool: Tool, video: Path, interval: float, warm_up: Path, truth: Truth | None) -> Result:
    """Run `tool` once warm and once as a whole process.

    Args:
        warm_up: The video that the warm process extracts first.
        truth: To check the times of the frames with, which is necessary only once; ``None`` for no check.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        folder = Path(directory, "frames")
        folder.mkdir()
        arguments = [str(video.absolute()), str(interval), str(folder)]
        answer = _run_warm(tool, arguments if tool.is_command else [*arguments, str(warm_up)])
        if isinstance(answer, Failed):
            return answer
        shots = [Shot(**shot) for shot in answer["shots"]]
        if not shots:
            return Failed("gives no frames")
        exactness = truth.exactness(shots, folder) if truth else NO_TIMES
    own_cpu = 0.0 if tool.is_command else answer["own_cpu_seconds"]
    warm = Cost(own_cpu + answer["child_cpu_seconds"], answer["wall_seconds"])
    whole = warm if tool.is_command else _run_whole(tool, video, interval)
    if isinstance(whole, Failed):
        return whole
    runs = _ffmpeg_runs(answer["children"])
    return Sample(warm, whole, answer["peak_megabytes"], len(shots), exactness, runs)


def _run_one(tool: Tool, arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "benchmarks.support.run_one", tool.name, *arguments]


def _run_warm(tool: Tool, arguments: Sequence[str]) -> dict[str, Any] | Failed:
    with (
        subprocess.Popen(
            _run_one(tool, arguments),
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            errors="replace",
            start_new_session=True,
        ) as process,
        peak_memory(process.pid) as peak,
    ):
        try:
            output, complaints = process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            kill_session(process.pid)
            return Failed(f"not done after {PATIENCE_SECONDS} s")
        except BaseException:
            kill_session(process.pid)
            raise
    if process.returncode != 0:
        return Failed(_reason(process.returncode, complaints))
    answer: dict[str, Any] = json.loads(output.splitlines()[-1])
    return Failed("not installed") if "missing" in answer else answer | {"peak_megabytes": peak.megabytes}


def _run_whole(tool: Tool, video: Path, interval: float) -> Cost | Failed:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        if tool.flags is None:
            argv = _run_one(tool, [str(video.absolute()), str(interval), folder])
        else:
            flags = [flag.format(interval=interval) for flag in tool.flags]
            argv = [sys.executable, "-m", "extractor", str(video.absolute()), "--out", folder, *flags]
        ended = run(argv)
    return Failed(_reason(ended.status, ended.stderr)) if ended.status else ended.cost


def _ffmpeg_runs(children: Sequence[dict[str, Any]]) -> FFmpegRuns:
    with_images = [child["cpu_seconds"] for child in children if "image2pipe" in child["argv"]]
    others = [child["cpu_seconds"] for child in children if "image2pipe" not in child["argv"]]
    return FFmpegRuns(len(with_images), sum(with_images), len(others), sum(others))


def _reason(status: int, complaints: str) -> str:
    if status < 0:
        return f"ended by signal {-status}"
    names = re.findall(r"^(?:\w+\.)*(\w+)(?=: |$)", complaints, re.MULTILINE)  # of the exception
    errors = [name for name in names if name.endswith(("Error", "Exception"))]
    return f"fails ({errors[-1]})" if errors else f"fails (status {status})"
