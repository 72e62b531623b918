"""`python -m benchmarks.memory_size`: speed, cost and peak memory by memory size and records at a time.

Lambda allots one CPU per 1,769 MB. The real handler processes batches of a 30 s clip while a kernel quota
limits it and its FFmpeg to that share of the machine's CPUs; memory itself is not limited. The variants run
alternately. The work is equal for all of them, but its CPU seconds vary with the load of the machine, so they
are compared by wall seconds per CPU second. The peak is the resident memory of the handler and its FFmpeg at
the same moment, for large pictures. Needs Linux and root. Prints Markdown; progress goes to stderr.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil

from benchmarks.support.clips import CLIPS, SHORT, ULTRA_HD, ensure
from benchmarks.support.cpu_quota import cpu_quota
from benchmarks.support.deployment import Deployment, deployed, invoke
from benchmarks.support.environment import describe_machine, describe_versions
from benchmarks.support.memory import peak_memory
from benchmarks.support.tables import render_table
from local.lambda_runtime.function import LocalFunction

_MB_PER_CPU = 1769
_CLIP = next(clip for clip in CLIPS if clip.name == "h264-portrait")
_LARGER = {"720p": SHORT, "4K": ULTRA_HD}


class Variant(NamedTuple):
    """A memory size, and how many records of a batch are handled at a time."""

    memory_mb: int
    records: int

    @property
    def cpus(self) -> float:
        return self.memory_mb / _MB_PER_CPU

    def __str__(self) -> str:
        return f"{self.memory_mb} MB, {self.records} at a time"


_USUAL = Variant(2048, 1)


@dataclass(frozen=True, slots=True)
class Run:
    """Wall and CPU seconds for one video of a batch, including FFmpeg."""

    wall: float
    cpu: float

    @property
    def stretch(self) -> float:
        """Wall seconds per CPU second."""
        return self.wall / self.cpu


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    video = ensure(_CLIP)
    variants = {Variant(size, records) for size in options.sizes for records in options.at_once} | {_USUAL}
    runs: dict[Variant, list[Run]] = {variant: [] for variant in sorted(variants)}
    with deployed(options.delay / 1000) as deployment, ExitStack() as stack:
        functions = {variant: stack.enter_context(_function(deployment, variant)) for variant in runs}
        for function in functions.values():
            invoke(function, deployment.order(video, 1))  # the first takes longer: imports, clients
        for turn in range(options.repeat):
            for variant, function in functions.items():
                print(f"{variant}, {turn + 1} of {options.repeat}", file=sys.stderr)
                runs[variant].append(_run(function, deployment, video, options.records))
        peaks = {variant: _peaks(function, deployment) for variant, function in functions.items()}
    print("\n".join(_report(runs, peaks, options)))
    return 0


@contextmanager
def _function(deployment: Deployment, variant: Variant) -> Iterator[LocalFunction]:
    """Start a warm function with this memory size and its share of the CPUs."""
    environment = deployment.environment | {
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(variant.memory_mb),
        "RECORDS_AT_ONCE": str(variant.records),
    }
    with (
        cpu_quota(variant.cpus) as put,
        replace(deployment, environment=environment).function() as function,
    ):
        function.warm_up()
        assert function.pid is not None
        put(function.pid)
        yield function


def _run(function: LocalFunction, deployment: Deployment, video: Path, records: int) -> Run:
    order = deployment.order(video, records)
    process = psutil.Process(function.pid)
    cpu, start = sum(process.cpu_times()[:4]), time.monotonic()  # user and system, its own and its children's
    invoke(function, order)
    wall = time.monotonic() - start
    return Run(wall / records, (sum(process.cpu_times()[:4]) - cpu) / records)


def _peaks(function: LocalFunction, deployment: Deployment) -> list[float]:
    """Return the peak memory in MB for a batch of three videos of each large kind."""
    assert function.pid is not None
    peaks = []
    for name, clip in _LARGER.items():
        print(f"peak of {name}", file=sys.stderr)
        order = deployment.order(ensure(clip), 3)
        with peak_memory(function.pid) as peak:
            invoke(function, order)
        peaks.append(peak.megabytes)
    return peaks


def _report(
    runs: Mapping[Variant, Sequence[Run]],
    peaks: Mapping[Variant, Sequence[float]],
    options: argparse.Namespace,
) -> Iterator[str]:
    yield f"{describe_machine()}. {describe_versions(['boto3'])}.\n"
    yield (
        f"Medians of {options.repeat} batches of {options.records} clips ({_CLIP.name}, {_CLIP.seconds:g} s, "
        f"a frame every second). Every request to the cloud takes {options.delay:g} ms longer than it does "
        "on loopback.\n"
    )
    heads = [
        "memory MB",
        "CPUs",
        "records at a time",
        "seconds for a CPU second",
        "from",
        "to",
        "seconds",
        "cost",
    ]
    relative = [f"{head}, {_USUAL} = 1" for head in heads[-2:]]
    rows = [[*_row(variant, runs), *(f"{peak:.0f}" for peak in peaks[variant])] for variant in runs]
    peak_heads = [f"peak MB, {name}" for name in _LARGER]
    yield render_table([*heads[:-2], *relative, "seconds a video", "CPU seconds", *peak_heads], rows)
    most = os.cpu_count() or 1
    if too_large := sorted({variant.memory_mb for variant in runs if variant.cpus > most}):
        sizes = ", ".join(map(str, too_large))
        yield f"\nThis machine has {most} CPUs: {sizes} MB were not given their share."


def _row(variant: Variant, runs: Mapping[Variant, Sequence[Run]]) -> list[str]:
    stretches = [run.stretch for run in runs[variant]]
    slower = median(stretches) / median(run.stretch for run in runs[_USUAL])
    return [
        str(variant.memory_mb),
        f"{variant.cpus:.2f}",
        str(variant.records),
        f"{median(stretches):.2f}",
        f"{min(stretches):.2f}",
        f"{max(stretches):.2f}",
        f"{slower:.2f}",
        f"{slower * variant.memory_mb / _USUAL.memory_mb:.2f}",
        f"{median(run.wall for run in runs[variant]):.2f}",
        f"{median(run.cpu for run in runs[variant]):.2f}",
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory_size", description=__doc__)
    parser.add_argument("--delay", type=float, default=30, metavar="MS", help="of a request (default: 30)")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="batches of each (default: 5)")
    parser.add_argument("--records", type=int, default=10, metavar="N", help="of a batch (default: 10)")
    parser.add_argument(
        "--sizes",
        type=_numbers,
        default=[1769, 3538, 5307],
        metavar="MB,MB",
        help="memory sizes (default: 1769,3538,5307)",
    )
    parser.add_argument(
        "--at-once",
        type=_numbers,
        default=[1, 2],
        metavar="N,N",
        help="records that are handled at a time (default: 1,2)",
    )
    return parser


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
