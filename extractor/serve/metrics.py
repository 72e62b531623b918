"""Counts of the worker processes, and their text for Prometheus. Pure: no I/O.

Each process sends its counts to the parent, which adds them up and outlives it. `prometheus_client` would
need a folder of memory-mapped files for that, to be emptied at each start, for a format of two lines a value.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from extractor.domain.results import JobFailed, JobResult, JobSucceeded, ObjectIgnored
from extractor.errors import reason_of

Sample: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""The name of a metric, and its labels."""

Counts: TypeAlias = Counter[Sample]

PREFIX = "frame_extractor_"
METRICS: Mapping[str, tuple[str, str]] = {
    "videos_total": ("counter", "Videos that succeeded, by outcome."),
    "frames_total": ("counter", "Frames that were stored."),
    "frame_bytes_total": ("counter", "Bytes of frames that were stored."),
    "stage_seconds_total": ("counter", "Seconds of the stages of videos that succeeded."),
    "failures_total": ("counter", "Videos that failed, by reason, for good (final) or not (retry)."),
    "ignored_objects_total": ("counter", "Announced objects that this project has written itself."),
    "messages_total": ("counter", "Messages by what became of them."),
    "queue_errors_total": ("counter", "Calls to the queue that failed."),
    "process_ends_total": ("counter", "Worker processes that ended without being told to."),
    "processes": ("gauge", "Worker processes that run."),
    "messages_in_hand": ("gauge", "Messages that are being worked on."),
    "draining": ("gauge", "1 after a signal, else 0."),
}


def sample(name: str, **labels: str) -> Sample:
    """Return the key of a value in `Counts`."""
    return name, tuple(labels.items())


def counts_of(result: JobResult | Exception) -> Counts:
    """Return what a result of a job counts."""
    if isinstance(result, JobSucceeded):
        return Counter(dict(_counts_of_done(result)))
    if isinstance(result, ObjectIgnored):
        return Counter([sample("ignored_objects_total")])
    if isinstance(result, JobFailed):
        return Counter([sample("failures_total", reason=result.reason, outcome="final")])
    return Counter([sample("failures_total", reason=reason_of(result), outcome="retry")])


def _counts_of_done(done: JobSucceeded) -> Iterator[tuple[Sample, float]]:
    yield sample("videos_total", outcome=done.outcome.status), 1
    manifest = done.outcome.manifest
    if manifest is None or done.outcome.status != "extracted":
        return
    yield sample("frames_total"), len(manifest.frames)
    yield sample("frame_bytes_total"), manifest.size_bytes
    for stage, seconds in done.seconds.items():
        yield sample("stage_seconds_total", stage=stage), seconds


def exposition(values: Mapping[Sample, float]) -> str:
    """Return the values in Prometheus's text format."""
    lines = []
    for name, (kind, text) in METRICS.items():
        lines += [f"# HELP {PREFIX}{name} {text}", f"# TYPE {PREFIX}{name} {kind}"]
        found = sorted((labels, value) for (metric, labels), value in values.items() if metric == name)
        lines += [f"{PREFIX}{name}{_braced(labels)} {value:.15g}" for labels, value in found]
    return "\n".join(lines) + "\n"


def _braced(labels: tuple[tuple[str, str], ...]) -> str:
    inner = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels)
    return f"{{{inner}}}" if inner else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
