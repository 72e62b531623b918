#!/usr/bin/env python3
"""Command line: queue every video that is fetched and not extracted yet, and watch the workers do them.

Reads the state, fills SQS_QUEUE_URL, and tells what was queued, also after Ctrl-C or an outage.
"""

import extractor  # noqa: F401, I001 - first: it refuses a Python that is too old

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, Self

from tqdm import tqdm

from extractor.backlog import report
from extractor.backlog.arguments import build_parser
from extractor.backlog.checkpoint import keep_checkpoint
from extractor.backlog.dispatch import enqueue, survey
from extractor.backlog.order import ListedCodes
from extractor.backlog.plan import Plan, make_plan
from extractor.backlog.summary import Summary
from extractor.backlog.watch import Progress, watch
from extractor.bootstrap import Table, build_job_queue, build_table
from extractor.checkpoint_lock import hold_checkpoint
from extractor.errors import SettingsError, StateUnavailableError, TransientError
from extractor.ports import WatchableQueue
from extractor.settings import Settings, load_settings
from extractor.terminal import complete_environment, exit_status


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = build_parser().parse_args(argv)
    logging.basicConfig(format="%(levelname)s: %(message)s")
    complete_environment(os.environ)
    return exit_status(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    settings = load_settings(os.environ, needed=() if arguments.dry_run else ("sqs_queue_url",))
    state = build_table(settings)
    queue = None if arguments.dry_run else build_job_queue(settings)
    status = 0
    if not arguments.watch_only:
        with hold_checkpoint(None if arguments.dry_run else arguments.checkpoint):
            status = _queue(arguments, settings, state, queue)
    if queue is not None and status in (0, 1) and (arguments.watch or arguments.watch_only):
        _watch(arguments, queue, state)
    return status


def _queue(
    arguments: argparse.Namespace, settings: Settings, state: Table, queue: WatchableQueue | None
) -> int:
    """Queue the order, or see what would be. Returns the exit status; tells how far it came whatever
    ends it."""
    plan = make_plan(arguments, _place(settings), state, _listed(arguments.codes), datetime.now(UTC))
    if plan.requeues_waiting:
        print("note: the state has no column enqueued_at: what waits is queued again", file=sys.stderr)
    status, summary, started = 0, Summary(), time.monotonic()
    try:
        with _progress_bar(plan) as bar:
            for summary in _summaries(arguments, plan, state, queue):
                bar.update(summary.seen - bar.n)
    except TransientError as error:
        print(f"error: {error}", file=sys.stderr)
        status = 3
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = 130
    stopped = plan.within_budget and summary.seen == plan.order.limit and not summary.complete
    seconds = time.monotonic() - started
    told = report.Report(summary, arguments.dry_run, seconds, plan.cost, stopped)
    print(report.summary_json(told) if arguments.json else "\n".join(report.summary_lines(told)), flush=True)
    return status or (1 if summary.refused else 0)


def _place(settings: Settings) -> dict[str, str | None]:
    """Where codes come from and messages go to."""
    state = settings.supabase_url if settings.state_backend == "supabase" else settings.sqlite_path
    return {"state": str(state), "table": settings.state_table, "queue": settings.sqs_queue_url}


def _listed(file: str | None) -> ListedCodes | None:
    """The codes that the user has written down. Raises `SettingsError`."""
    if file is None:
        return None
    try:
        with nullcontext(sys.stdin) if file == "-" else Path(file).open(encoding="utf-8") as lines:
            return ListedCodes(lines)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--codes {file!r} cannot be read: {error}") from error


def _summaries(
    arguments: argparse.Namespace, plan: Plan, state: Table, queue: WatchableQueue | None
) -> Iterator[Summary]:
    if queue is None:
        return survey(plan.codes, plan.order)
    summaries = enqueue(
        plan.codes,
        queue,
        plan.order,
        lambda codes: state.mark_enqueued(codes, datetime.now(UTC)),
        senders=arguments.senders,
    )
    path = arguments.checkpoint
    return summaries if path is None else keep_checkpoint(path, plan.checkpoint, summaries)


def _watch(arguments: argparse.Namespace, queue: WatchableQueue, state: Table) -> None:
    """Show how the queue is drained. Ctrl-C ends the view, and nothing else."""
    try:
        with _View(as_json=arguments.json) as view:
            for progress in watch(queue, state, arguments.watch_every):
                view.show(progress)
    except KeyboardInterrupt:
        print("the view is closed; the workers go on", file=sys.stderr)
        return
    end = report.end_json(progress) if arguments.json else None
    print(end or "\n".join(report.end_lines(progress)), flush=True)


class _View:
    """A line that is written over on a terminal, and one line after the other elsewhere."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._bar = tqdm(bar_format="{desc}", disable=as_json or not sys.stdout.isatty(), file=sys.stdout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, progress: Progress) -> None:
        if self._as_json:
            print(report.progress_json(progress), flush=True)
        elif self._bar.disable:
            print(report.progress_line(progress), flush=True)
        else:
            self._bar.set_description_str(report.progress_line(progress))


def _progress_bar(plan: Plan) -> "tqdm[NoReturn]":
    """On a terminal only; elsewhere nothing is counted for it, either."""
    total = None
    if sys.stderr.isatty():
        try:
            total = plan.codes.count_pending(plan.order.pick)
        except StateUnavailableError:
            total = None  # counting a large table may take longer than the server allows; reading it does not
    known = [number for number in (total, plan.order.limit) if number is not None]
    return tqdm(total=min(known, default=None), unit=" videos", file=sys.stderr, disable=None)


if __name__ == "__main__":
    sys.exit(main())
