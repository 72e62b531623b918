"""`python -m benchmarks.long_videos --hours 2`: extract frames from long videos.

`long_video_clips.py` declares the videos, `long_video_run.py` the cases and their expected results. Prints a
table; the exit status is 0 only if every run succeeded with the expected number of frames and Python stayed
below its memory limit.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from benchmarks.support.clips import CLIPS_DIR, ROOT
from benchmarks.support.long_video_clips import LONG_VIDEOS, LongVideo, make
from benchmarks.support.long_video_run import CASES

_MOST_PYTHON_MB: Final = 150
_PERIOD_SECONDS: Final = 0.05
_HEADS: Final = ("video", "case", "end", "frames", "right", "CPU s", "wall s", "Python MB", "FFmpeg MB")


class Run(Struct, frozen=True):
    """The result of a case; memory is the peak of resident memory in MB."""

    video: str
    case: str
    status: str
    frames: int
    expected: int
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    python_mb: float = 0.0
    ffmpeg_mb: float = 0.0

    @property
    def is_good(self) -> bool:
        return self.status == "ok" and self.frames == self.expected and self.python_mb < _MOST_PYTHON_MB

    @property
    def cells(self) -> list[str]:
        seconds = (f"{value:.1f}" for value in (self.cpu_seconds, self.wall_seconds))
        memory = (f"{value:.0f}" for value in (self.python_mb, self.ffmpeg_mb))
        name = self.case if self.is_good else f"**{self.case}**"
        return [self.video, name, self.status, str(self.frames), str(self.expected), *seconds, *memory]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(argv)
    seconds = round(options.hours * 3600)
    videos = [video for video in LONG_VIDEOS if not options.video or video.name in options.video]
    with ThreadPoolExecutor(options.jobs) as pool:
        paths = list(pool.map(lambda video: make(video, seconds, options.keep), videos))
        tasks = product(zip(videos, paths, strict=True), options.case or CASES)
        runs = list(pool.map(lambda task: _run(task[0][0], task[0][1], task[1], seconds), tasks))
    rule = ["---"] * len(_HEADS)
    for cells in (_HEADS, rule, *(run.cells for run in runs)):
        print(f"| {' | '.join(cells)} |")
    return 0 if all(run.is_good for run in runs) else 1


def _run(video: LongVideo, path: Path, case: str, seconds: int) -> Run:
    expected = CASES[case].frames(seconds)
    with tempfile.TemporaryDirectory(prefix="long-videos-") as out:
        command = [sys.executable, "-m", "benchmarks.support.long_video_run", str(path.absolute()), case]
        with (
            subprocess.Popen(
                [*command, str(seconds), out], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as process,
            _peaks(process.pid) as peaks,
        ):
            answer, complaints = process.communicate()
    if process.returncode != 0:
        last = complaints.decode(errors="replace").strip().splitlines()[-1:]
        run = Run(video.name, case, f"status {process.returncode} {''.join(last)}", 0, expected)
    else:
        told: dict[str, Any] = json.loads(answer.splitlines()[-1])
        run = Run(video.name, case, expected=expected, python_mb=peaks.python, ffmpeg_mb=peaks.ffmpeg, **told)
    print(" | ".join(run.cells), file=sys.stderr, flush=True)
    return run


class _Peaks(Struct):
    """Peak resident memory in MB, of Python and of any one FFmpeg."""

    python: float = 0.0
    ffmpeg: float = 0.0


@contextmanager
def _peaks(pid: int) -> Iterator[_Peaks]:
    """Sample the process and its children 20 times a second while the block runs."""
    peaks, done = _Peaks(), threading.Event()

    def watch() -> None:
        while not done.wait(_PERIOD_SECONDS):
            peaks.python = max(peaks.python, _peak_mb(pid))
            peaks.ffmpeg = max([peaks.ffmpeg, *(_peak_mb(child) for child in _children(pid))])

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        done.set()
        thread.join()


def _children(pid: int) -> list[int]:
    """Return child processes that have already executed another program."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
        own = _program(pid)
        return [child for child in children if _program(child) != own]
    except OSError:  # one of them has ended
        return []


def _program(pid: int) -> Path:
    return Path(f"/proc/{pid}/exe").readlink()


def _peak_mb(pid: int) -> float:
    """Return the peak resident memory of the process since its start."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM")), 0.0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_videos", description=__doc__)
    parser.add_argument("--hours", type=float, default=2.0, help="how long the videos are (default: 2)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="so many runs at once (default: 1)")
    parser.add_argument(
        "--keep", type=Path, default=CLIPS_DIR, metavar="DIR", help=f"where the videos are kept ({CLIPS_DIR})"
    )
    names = [video.name for video in LONG_VIDEOS]
    parser.add_argument("--video", action="append", choices=names, help="only this one; may be repeated")
    parser.add_argument("--case", action="append", choices=list(CASES), help="only this one; may be repeated")
    return parser


if __name__ == "__main__":
    sys.exit(main())
