"""Format summaries and progress as lines for people and as JSON for programs. Pure: no I/O."""

import json
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import asdict

from extractor.cli.terminal import counted
from extractor.domain.costs import Cost
from extractor.enqueue.monitor import DrainProgress
from extractor.enqueue.summary import Summary


class RunReport(Struct, frozen=True):
    """The result of a run.

    Attributes:
        summary: The counts.
        dry_run: Whether nothing was sent.
        seconds: The run time.
        cost: The estimated cost per video.
        stopped_by_budget: Whether --max-usd ended the run.
        reasons: Why nothing was queued.
        error: The error or interruption that ended the run, if any.
    """

    summary: Summary
    dry_run: bool
    seconds: float
    cost: Cost
    stopped_by_budget: bool = False
    reasons: Sequence[str] = ()
    error: str | None = None

    @property
    def num_queued(self) -> int:
        """The number of queued videos; in a dry run, of those that would be queued."""
        return self.summary.seen - self.summary.num_refused if self.dry_run else self.summary.queued

    @property
    def per_second(self) -> float:
        return self.num_queued / self.seconds if self.seconds else 0.0

    @property
    def usd(self) -> float:
        return self.num_queued * self.cost.total


def summary_lines(report: RunReport) -> Iterator[str]:
    """Yield the summary of a run as lines for people."""
    summary = report.summary
    if report.dry_run:
        yield f"{counted(report.num_queued, 'video')} would be queued; nothing was sent (dry run)"
    else:
        queued, calls = counted(summary.queued, "video"), counted(summary.calls, "call")
        yield f"{queued} queued in {calls}, {report.per_second:.0f} a second"
    if summary.refused:
        listed = ", ".join(f"{count} × {reason!r}" for reason, count in summary.refused.items())
        refused = counted(summary.num_refused, "video")
        yield f"{refused} refused: {listed}; the first was {summary.first_refused!r}"
    yield from report.reasons
    if summary.in_doubt:
        yield f"up to {summary.in_doubt} more may be queued: they were sent, and their responses are missing"
    if summary.retried:
        yield f"{counted(summary.retried, 'message')} sent again"
    if summary.repeated:
        yield f"up to {counted(summary.repeated, 'video')} may be queued twice, which is harmless"
    if report.num_queued:
        yield f"estimated cost: ${report.usd:.2f}, ${report.cost.total:.6f} a video"
    if report.stopped_by_budget:
        yield "stopped: one more video would exceed --max-usd"


def summary_json(report: RunReport) -> str:
    """Return the summary of a run as a line of JSON."""
    summary = asdict(report.summary)
    del summary["settled"], summary["settled_through"]
    return _line(
        {
            "event": "summary",
            "dry_run": report.dry_run,
            **summary,
            "seconds": round(report.seconds, 3),
            "per_second": round(report.per_second, 1),
            "usd": round(report.usd, 6),
            "usd_per_video": round(report.cost.total, 9),
            "stopped_by_budget": report.stopped_by_budget,
            "reasons": list(report.reasons),
            "error": report.error,
        }
    )


def progress_line(progress: DrainProgress) -> str:
    """Return the progress of the workers as a line for people."""
    sample, depth = progress.sample, progress.sample.depth
    queue = "the queue does not answer"
    if depth is not None:
        queue = f"{depth.waiting + depth.delayed} waiting, {depth.in_flight} in flight"
        queue += f", {counted(depth.dead_letters, 'dead letter')}" if depth.dead_letters is not None else ""
    state = "the state does not answer"
    if sample.remaining is not None:
        state = f"{sample.remaining} to do, {progress.settled} settled"
        state += f", {sample.failed} failed" if sample.failed is not None else ""
        state += f" ({_listed(sample.reasons)})" if sample.reasons else ""
    parts = [queue, state]
    if progress.per_second is not None:
        parts.append(f"{progress.per_second:.1f} a second")
    if progress.seconds_left is not None:
        parts.append(f"{duration(progress.seconds_left)} left")
    return "; ".join(parts)


def progress_json(progress: DrainProgress) -> str:
    """Return the progress of the workers as a line of JSON."""
    sample = progress.sample
    return _line(
        {
            "event": "look",
            "queue": None if sample.depth is None else asdict(sample.depth),
            "remaining": sample.remaining,
            "failed": sample.failed,
            "failures": dict(sample.reasons),
            "settled": progress.settled,
            "per_second": progress.per_second,
            "seconds_left": progress.seconds_left,
            "drained": progress.drained,
        }
    )


def end_lines(progress: DrainProgress) -> Iterator[str]:
    """Yield the final lines after the queue was drained."""
    yield "the queue is drained"
    if progress.sample.remaining:
        yield (
            f"{counted(progress.sample.remaining, 'video')} remaining: not queued, fetched since, "
            "or in the dead-letter queue"
        )
    if failures := progress.sample.reasons:
        yield f"{counted(sum(failures.values()), 'video')} failed permanently: {_listed(failures)}"


def _listed(failures: Mapping[str, int]) -> str:
    return ", ".join(f"{count} × {reason}" for reason, count in failures.items())


def end_json(progress: DrainProgress) -> str:
    """Return the end of the monitoring as a line of JSON."""
    return _line(
        {
            "event": "drained",
            "remaining": progress.sample.remaining,
            "failures": dict(progress.sample.reasons),
        }
    )


def duration(seconds: float) -> str:
    """Format a duration in its two largest units: ``2 h 5 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _line(content: Mapping[str, object]) -> str:
    return json.dumps(content, ensure_ascii=False)
