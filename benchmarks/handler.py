"""`python -m benchmarks.handler`: the whole handler, compared with the decode alone.

Downloads, uploads, state, manifest and Python should run in parallel with the decode. Prints Markdown;
progress goes to stderr.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import psutil

from benchmarks.support.clips import SHORT, ULTRA_HD, ensure, ensure_repeated
from benchmarks.support.deployment import Deployment, deployed, invoke
from benchmarks.support.environment import describe_machine, describe_versions
from benchmarks.support.memory import peak_memory
from benchmarks.support.tables import render_table
from local.lambda_runtime.function import LocalFunction

_DECODE_ALONE = "benchmarks.support.decode_alone.handle"


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of a batch; CPU time includes the function's process and its FFmpeg processes."""

    wall_seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Overhead:
    """Medians of a batch. `requests` and `cloud_cpu_seconds` are those of the handler."""

    records: int
    handler: Cost
    decode: Cost
    requests: int
    cloud_cpu_seconds: float


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    short, long, large = ensure(SHORT), ensure_repeated(SHORT, 10), ensure(ULTRA_HD)
    with deployed(options.delay / 1000) as deployment:
        overheads = [_overhead(deployment, short, records, options.repeat) for records in options.records]
        memory = [
            (label, _memory(deployment, path))
            for label, path in (("720p, 30 s", short), ("720p, 300 s", long), ("2160p, 8 s", large))
        ]
    print("\n".join(_report(overheads, memory, options.delay)))
    return 0


def _overhead(deployment: Deployment, video: Path, records: int, repeat: int) -> Overhead:
    """Measure handler and decode alternately, both warm."""
    ours: list[Cost] = []
    theirs: list[Cost] = []
    clouds: list[float] = []
    with deployment.function() as handler, deployment.function(_DECODE_ALONE) as decoder:
        invoke(handler, deployment.order(video, 1))
        decoder.invoke({"path": str(video), "times": 1})
        for turn in range(repeat):
            print(f"{records} record(s), {turn + 1} of {repeat}", file=sys.stderr)
            order = deployment.order(video, records)
            requests, cloud = deployment.proxy.requests, deployment.cloud_cpu_seconds()
            ours.append(_cost(handler, partial(invoke, handler, order)))
            requests = deployment.proxy.requests - requests
            clouds.append(deployment.cloud_cpu_seconds() - cloud)
            theirs.append(_cost(decoder, partial(decoder.invoke, {"path": str(video), "times": records})))
    return Overhead(records, _middle(ours), _middle(theirs), requests, median(clouds))


def _cost(function: LocalFunction, work: Callable[[], object]) -> Cost:
    process = psutil.Process(function.pid)
    cpu, start = sum(process.cpu_times()[:4]), time.monotonic()  # user and system, its own and its children's
    work()
    return Cost(time.monotonic() - start, sum(process.cpu_times()[:4]) - cpu)


def _middle(costs: Sequence[Cost]) -> Cost:
    return Cost(median(cost.wall_seconds for cost in costs), median(cost.cpu_seconds for cost in costs))


def _memory(deployment: Deployment, video: Path) -> float:
    """Return the peak memory in MB of Python and FFmpeg for one video."""
    print(f"memory for {video.name}", file=sys.stderr)
    with deployment.function() as handler:
        handler.warm_up()
        order = deployment.order(video, 1)
        assert handler.pid is not None
        with peak_memory(handler.pid) as peak:
            invoke(handler, order)
    return peak.megabytes


def _report(
    overheads: Sequence[Overhead], memory: Sequence[tuple[str, float]], delay: float
) -> Iterator[str]:
    yield f"{describe_machine()}. {describe_versions(['boto3'])}.\n"
    yield f"Every request to the cloud takes {delay:g} ms longer than it does on loopback.\n"
    heads = [
        "records",
        "handler s",
        "decode alone s",
        "ratio",
        "handler CPU s",
        "decode alone CPU s",
        "ratio",
    ]
    yield render_table([*heads, "requests", "embedded cloud's CPU s"], [_row(one) for one in overheads])
    yield ""
    yield render_table(["video", "peak MB"], [[label, f"{megabytes:.0f}"] for label, megabytes in memory])


def _row(one: Overhead) -> list[str]:
    pairs = (
        (one.handler.wall_seconds, one.decode.wall_seconds),
        (one.handler.cpu_seconds, one.decode.cpu_seconds),
    )
    cells = [f"{seconds:.2f}" for ours, theirs in pairs for seconds in (ours, theirs, ours / theirs)]
    return [str(one.records), *cells, str(one.requests), f"{one.cloud_cpu_seconds:.2f}"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.handler", description=__doc__)
    parser.add_argument("--delay", type=float, default=30, metavar="MS", help="of a request (default: 30)")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="runs of each (default: 5)")
    parser.add_argument(
        "--records",
        type=lambda text: [int(part) for part in text.split(",")],
        default=[1, 4],
        metavar="N,N",
        help="sizes of the batches (default: 1,4)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
