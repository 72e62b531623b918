"""`python -m benchmarks.cold_start`: time from process start to the end of the first invocation.

The time of the extraction itself, which is that of the same invocation in the warm process, is subtracted.
The result is compared with `import boto3` and one S3 client. All modules are compiled to bytecode, the disk
cache is warm, and the processes run alternately. Prints Markdown.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median

from benchmarks.support.bytecode import BYTECODE
from benchmarks.support.clips import ROOT, SHORT, ensure
from benchmarks.support.deployment import Deployment, deployed
from benchmarks.support.environment import describe_machine, describe_versions
from benchmarks.support.imports import import_seconds
from benchmarks.support.table_stub import serving_table
from benchmarks.support.tables import render_table

_CHILD = ("-m", "benchmarks.support.cold_child")
_TOP = 15
_SEQUENCE = ("nothing", "boto3", "handler with sqlite", "handler with supabase")

Marks = Mapping[str, float]


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    with deployed(0) as deployment, serving_table() as table:
        environments = _environments(deployment, table)
        runs: dict[str, list[Marks]] = {what: [] for what in _SEQUENCE}
        for turn in range(options.repeat + 1):
            print(f"turn {turn} of {options.repeat}", file=sys.stderr)
            for what in _SEQUENCE:
                marks = _run(what, environments[what], deployment)
                if turn:  # the first one compiles, and warms the disk's cache
                    runs[what].append(marks)
        events = _events(deployment)
        imports = import_seconds([*_CHILD, "handler"], environments["handler with supabase"] | events)
    print("\n".join(_report(runs, imports)))
    return 0


def _environments(deployment: Deployment, table: str) -> dict[str, dict[str, str]]:
    supabase = {"STATE_BACKEND": "supabase", "SUPABASE_URL": table, "SUPABASE_KEY": "any"}
    plain = {**deployment.environment, **BYTECODE, "PYTHONPATH": str(ROOT)}
    return {what: plain | (supabase if what.endswith("supabase") else {}) for what in _SEQUENCE}


def _events(deployment: Deployment) -> dict[str, str]:
    """Return two direct events: one for the cold start, one for the warm process."""
    orders = [deployment.order(ensure(SHORT), 1) for _ in range(2)]
    events = [{**json.loads(order["Records"][0]["body"]), "max_frames": 1} for order in orders]
    return {"BENCHMARK_EVENTS": json.dumps(events)}


def _run(what: str, environment: Mapping[str, str], deployment: Deployment) -> Marks:
    """Return seconds since the start of the process, and CPU seconds, minus the warm invocation."""
    variables = {**environment, **(_events(deployment) if what.startswith("handler") else {})}
    start = time.monotonic()
    run = subprocess.run(
        [sys.executable, *_CHILD, what.split()[0]],
        cwd=ROOT,
        env=variables,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    marks = json.loads(run.stdout.splitlines()[-1])
    steps = {name: marks[name] - start for name in ("imported", "built") if name in marks}
    end = marks["end"] - start - marks.get("warm_end", 0.0)
    return {**steps, "end": end, "cpu": marks["cpu"] - marks.get("warm_cpu", 0.0)}


def _report(runs: Mapping[str, Sequence[Marks]], imports: Mapping[str, float]) -> Iterator[str]:
    yield f"{describe_machine()}. {describe_versions(['boto3', 'pydantic', 'httpx'])}.\n"
    heads = ["process", "imports done, ms", "clients built, ms", "cold start, ms", "relative to boto3"]
    rows = [_row(what, found, runs["boto3"]) for what, found in runs.items()]
    yield render_table([*heads, "CPU ms", "relative to boto3"], rows)
    yield "\nWhat is imported until the end, with Supabase (`-X importtime`, which slows it down itself):\n"
    rows = [[name, f"{seconds * 1000:.0f}"] for name, seconds in list(imports.items())[:_TOP]]
    yield render_table(["package", "ms"], [*rows, ["all", f"{sum(imports.values()) * 1000:.0f}"]])


def _row(what: str, found: Sequence[Marks], boto: Sequence[Marks]) -> list[str]:
    """Return medians; a ratio is the median of those within each round, as the machine's speed varies."""
    steps = [_ms(found, name) if name in found[0] else "" for name in ("imported", "built")]
    ends = [
        cell
        for name in ("end", "cpu")
        for cell in (_ms(found, name), f"{median(map(_ratio(name), found, boto)):.2f}")
    ]
    return [what, *steps, *ends]


def _ms(marks: Sequence[Marks], name: str) -> str:
    return f"{median(mark[name] for mark in marks) * 1000:.0f}"


def _ratio(name: str) -> Callable[[Marks, Marks], float]:
    return lambda found, boto: found[name] / boto[name]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start", description=__doc__)
    parser.add_argument("--repeat", type=int, default=9, metavar="N", help="runs of each (default: 9)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
