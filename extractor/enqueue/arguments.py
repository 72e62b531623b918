"""The enqueuer's command-line arguments. Pure: no I/O."""

import argparse
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct

from extractor.backends.queues.base import BACKLOG_GROUP
from extractor.cli.durations import hours
from extractor.cli.sampling_options import add_sampling_options, asked_for
from extractor.cli.terminal import path_argument, text_argument
from extractor.domain.costs import Workload
from extractor.enqueue.argument_types import (
    MAX_SENDERS,
    count,
    message_group,
    moment,
    number,
    platform,
    senders,
)

RETENTION_HOURS = 168.0
"""The retention period of the queue in infra/template.yaml: messages enqueued earlier no longer exist."""

_EPILOG = """\
Sampling options are written to the messages; the worker's settings apply to the others.
Settings come from the environment and from a file .env in the current folder; see .env.example.
docs/howto/backlog.md explains checkpoints, cost estimates and the progress view.

exit status:
  0    every video was queued
  1    at least one video was not queued; the summary says why
  2    invalid usage or settings
  3    the state or the queue is unavailable; the summary says what was queued before
  130  interrupted (143: terminated); the summary says what was queued before
  141  standard output was closed

examples:
  run_sqs_batches.py --dry-run                            count the videos and estimate the cost
  run_sqs_batches.py --checkpoint backlog.json --watch    queue all; run it again after an interruption
  run_sqs_batches.py --since 2d --max-usd 5
  run_sqs_batches.py --codes again.txt --platform tiktok --interval 0.5 --format webp
  run_sqs_batches.py --watch-only --json
"""


class EnqueueOptions(Struct, frozen=True):
    """The parsed arguments.

    Attributes:
        retry_failed: Only videos with a recorded final failure.
        since: Only videos fetched since this time, or within this age.
        requeue_after_hours: Skip videos queued within this number of hours; ``None`` if not given.
        codes: The file of codes, or ``-``.
        limit: The maximum number of videos.
        checkpoint: The checkpoint file.
        message_group: The message group of the videos; empty for none.
        senders: The number of concurrent calls to the queue.
        page_size: The number of rows per query.
        max_usd: The maximum estimated cost.
        workload: The assumptions of the cost estimate.
        dry_run: Queue nothing.
        watch: Show the progress afterwards.
        watch_only: Show the progress, queue nothing.
        watch_every: The interval of the progress view in seconds.
        as_json: Print JSON.
        message_fields: The optional fields of every message.
    """

    retry_failed: bool
    since: datetime | timedelta | None
    requeue_after_hours: float | None
    codes: str | None
    limit: int | None
    checkpoint: Path | None
    message_group: str
    senders: int
    page_size: int
    max_usd: float | None
    workload: Workload
    dry_run: bool
    watch: bool
    watch_only: bool
    watch_every: float
    as_json: bool
    message_fields: Mapping[str, object]


def parse_arguments(argv: Sequence[str] | None = None) -> EnqueueOptions:
    """Parse the command line; invalid arguments end the process with status 2.

    Args:
        argv: The arguments; by default those of the process.
    """
    found = build_parser().parse_args(argv)
    platform = {} if found.platform is None else {"platform": found.platform}
    return EnqueueOptions(
        retry_failed=found.retry_failed,
        since=found.since,
        requeue_after_hours=found.requeue_after,
        codes=found.codes,
        limit=found.limit,
        checkpoint=found.checkpoint,
        message_group=found.message_group,
        senders=found.senders,
        page_size=found.page_size,
        max_usd=found.max_usd,
        workload=Workload(found.seconds_per_video, found.memory_mb, found.frames_per_video),
        dry_run=found.dry_run,
        watch=found.watch,
        watch_only=found.watch_only,
        watch_every=found.watch_every,
        as_json=found.json,
        message_fields={**{option.key: value for option, value in asked_for(found)}, **platform},
    )


def build_parser() -> argparse.ArgumentParser:
    """Build the parser; the sampling options are those of `extractor.cli.sampling_options`."""
    parser = argparse.ArgumentParser(
        usage="%(prog)s [options]",
        description="Queue every video that is fetched and not extracted yet.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_selection(parser.add_argument_group("video selection"))
    _add_queueing(parser.add_argument_group("queueing"))
    _add_costs(parser.add_argument_group("cost estimate"))
    _add_output(parser.add_argument_group("output"))
    add_sampling_options(parser, defaults=None)
    return parser


def _add_selection(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--retry-failed",
        action="store_true",
        help="only videos with a recorded final failure (default: only videos without one)",
    )
    add(
        "--since",
        metavar="WHEN",
        type=moment,
        help="only videos fetched since a time such as 2026-01-31, or an age such as 12h or 2d "
        "(default: all)",
    )
    add(
        "--requeue-after",
        metavar="AGE",
        type=hours,
        help="skip videos queued within this time, such as 12h or 2d; without a unit in hours "
        f"(default: {RETENTION_HOURS:g}; 0 with --retry-failed or --codes)",
    )
    add(
        "--codes",
        metavar="FILE",
        type=text_argument,
        help="queue the codes in this file, one per line, without reading the state; - is standard input "
        "(default: read the state)",
    )
    add("--limit", metavar="N", type=count, help="queue at most N videos (default: all)")
    add(
        "--platform",
        metavar="NAME",
        type=platform,
        help="platform of all videos of this run (default: none)",
    )


def _add_queueing(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--checkpoint",
        metavar="FILE",
        type=path_argument,
        help="save the progress in this file, and resume from it; removed when all videos are queued "
        "(default: none)",
    )
    add(
        "--message-group",
        metavar="GROUP",
        type=message_group,
        default=BACKLOG_GROUP,
        help="message group of the videos, which those of other groups or of none overtake; '' for none "
        f"(default: {BACKLOG_GROUP})",
    )
    add(
        "--senders",
        metavar="N",
        type=senders,
        default=8,
        help=f"concurrent calls to the queue, 1-{MAX_SENDERS} (default: 8)",
    )
    add("--page-size", metavar="N", type=count, default=1000, help="rows per query (default: 1000)")


def _add_costs(group: argparse._ArgumentGroup) -> None:
    default = Workload()
    add = group.add_argument
    add(
        "--max-usd",
        metavar="USD",
        type=number(least=0),
        help="stop before the estimated cost exceeds this (default: no limit)",
    )
    add(
        "--seconds-per-video",
        metavar="S",
        type=number(least=0),
        default=default.seconds_per_video,
        help=f"run time of the function per video (default: {default.seconds_per_video:g})",
    )
    add(
        "--frames-per-video",
        metavar="N",
        type=number(least=0),
        default=default.frames_per_video,
        help=f"stored frames per video (default: {default.frames_per_video:g})",
    )
    add(
        "--memory-mb",
        metavar="MB",
        type=count,
        default=default.memory_mb,
        help=f"memory of the function (default: {default.memory_mb})",
    )


def _add_output(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    view = group.add_mutually_exclusive_group()
    view.add_argument(
        "--dry-run",
        action="store_true",
        help="count the videos and estimate the cost; queue nothing (default: no)",
    )
    view.add_argument(
        "--watch", action="store_true", help="show the progress of the workers afterwards (default: no)"
    )
    view.add_argument(
        "--watch-only", action="store_true", help="show the progress; queue nothing (default: no)"
    )
    add(
        "--watch-every",
        metavar="SECONDS",
        type=number(least=0.1),
        default=5.0,
        help="interval of the progress view (default: 5)",
    )
    add("--json", action="store_true", help="print JSON, one object per line (default: no)")
