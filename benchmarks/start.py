"""`python -m benchmarks.start [VIDEO]`: CPU time that the command line `python -m extractor` takes to start.

The start for a video is what its whole process takes, less what the same command line takes when it is run
once more in a warm process. All modules are compiled to bytecode, and the processes run alternately. Prints
Markdown.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.support.bytecode import BYTECODE
from benchmarks.support.child import CommandFailedError, run
from benchmarks.support.clips import WARM_UP, ensure
from benchmarks.support.environment import describe_machine, describe_versions
from benchmarks.support.imports import import_seconds
from benchmarks.support.tables import render_table

_TOP = 15
_NOTHING, _HELP, _WHOLE, _WARM = "`python -c pass`", "`--help`", "a video, whole process", "a video, warm"


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    os.environ.update(BYTECODE)
    video = options.video or ensure(WARM_UP)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        arguments = [str(video.absolute()), "--out", folder, "--max-frames", "1"]
        commands = _commands(arguments)
        runs: dict[str, list[float]] = {what: [] for what in commands}
        for turn in range(options.repeat + 1):
            for what, command in commands.items():
                seconds = _seconds(command, is_warm=what == _WARM)
                if turn:  # the first one compiles
                    runs[what].append(seconds)
        imports = import_seconds(["-m", "extractor", *arguments], os.environ)
    print("\n".join(_report(runs, imports)))
    return 0


def _commands(arguments: Sequence[str]) -> Mapping[str, Sequence[str]]:
    return {
        _NOTHING: [sys.executable, "-c", "pass"],
        _HELP: [sys.executable, "-m", "extractor", "--help"],
        _WHOLE: [sys.executable, "-m", "extractor", *arguments],
        _WARM: [sys.executable, "-m", "benchmarks.support.warm_command", *arguments],
    }


def _seconds(command: Sequence[str], *, is_warm: bool) -> float:
    ended = run(command)
    if ended.status != 0:
        raise CommandFailedError(f"{command} ended with status {ended.status}: {ended.stderr[-500:]}")
    return float(ended.stderr.splitlines()[-1]) if is_warm else ended.cost.cpu_seconds


def _report(runs: Mapping[str, Sequence[float]], imports: Mapping[str, float]) -> Iterator[str]:
    yield f"{describe_machine()}. {describe_versions(['msgspec', 'ffmpeg-python'])}.\n"
    starts = [whole - warm for whole, warm in zip(runs[_WHOLE], runs[_WARM], strict=True)]
    rows = [
        [what, f"{min(seconds) * 1000:.0f}", f"{median(seconds) * 1000:.0f}"]
        for what, seconds in {**runs, "a video, start": starts}.items()
    ]
    yield render_table(["process", "CPU ms, least", "CPU ms, median"], rows)
    yield "\nWhat is imported for a video (`-X importtime`, which slows it down itself):\n"
    rows = [[name, f"{seconds * 1000:.0f}"] for name, seconds in list(imports.items())[:_TOP]]
    yield render_table(["package", "ms"], [*rows, ["all", f"{sum(imports.values()) * 1000:.0f}"]])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.add_argument("video", nargs="?", type=Path, metavar="VIDEO", help="default: a generated clip")
    parser.add_argument("--repeat", type=int, default=15, metavar="N", help="runs of each (default: 15)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
