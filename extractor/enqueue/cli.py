"""Command line of the enqueuer: queue every video that is fetched and not extracted, and monitor the workers.

Reads the state, fills SQS_QUEUE_URL and prints a summary, also after Ctrl-C or an outage.
"""

import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, Self

from tqdm import tqdm

from extractor.backends.queues.base import ObservableQueue
from extractor.backends.state import find_backend
from extractor.backends.state.base import VideoTable
from extractor.cli.environment import load_dotenv_defaults
from extractor.cli.host_names import check_host_names
from extractor.cli.lock import lock_checkpoint
from extractor.cli.terminal import (
    complain,
    escape_control_chars,
    interruption,
    run_command,
    say,
)
from extractor.container import build_job_queue, build_table
from extractor.domain.messages import VideoMessage
from extractor.domain.option_checks import NoEffectError
from extractor.enqueue import report
from extractor.enqueue.arguments import EnqueueOptions, parse_arguments
from extractor.enqueue.checkpoint import keep_checkpoint
from extractor.enqueue.enqueuer import count_pending_messages, enqueue
from extractor.enqueue.monitor import DrainProgress, monitor
from extractor.enqueue.nothing_queued import why_nothing
from extractor.enqueue.plan import EnqueuePlan, estimated_cost, make_plan
from extractor.enqueue.request import CodeList
from extractor.enqueue.retry import RetryPolicy
from extractor.enqueue.summary import Summary
from extractor.errors import SettingsError, StateUnavailableError, TransientError, UsageError
from extractor.settings import Settings, load_settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The arguments; by default those of the process.

    Returns:
        The exit status.
    """
    return run_command(lambda: _main(argv))


def _main(argv: Sequence[str] | None) -> int:
    options = parse_arguments(argv)
    logging.basicConfig(format="%(levelname)s: %(message)s")
    run, status, error = _Run(options), 0, None
    try:
        load_dotenv_defaults(os.environ)
        settings = _checked_settings(options)
        state = build_table(settings)
        queue = None if options.dry_run else build_job_queue(settings, options.message_group)
        if not options.watch_only:
            with lock_checkpoint(None if options.dry_run else options.checkpoint):
                run.queue(settings, state, queue)
    except TransientError as cause:
        error, status = str(cause), 3
        complain(f"error: {escape_control_chars(error)}")
    except KeyboardInterrupt as cause:
        error, status = interruption(cause)
        complain(error)
    except SettingsError as cause:
        if options.as_json:
            run.tell(str(cause))
        raise
    except BaseException as cause:
        run.tell(type(cause).__name__)
        raise
    if error or not options.watch_only:
        run.tell(error)
    if status:
        return status
    if queue is not None and (options.watch or options.watch_only):
        _watch(options, queue, state)
    return 1 if run.summary.refused else 0


def _checked_settings(options: EnqueueOptions) -> Settings:
    """Load the settings; raise if an option has no effect or a host name cannot be resolved."""
    settings = load_settings(os.environ, needed=() if options.dry_run else ("sqs_queue_url",))
    try:
        VideoMessage.model_validate({"code": "any", **options.message_fields}).applied_to(settings.policy)
    except NoEffectError as error:
        raise UsageError(error.told(lambda option: option.flag)) from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    check_host_names(settings, os.environ, queue=not options.dry_run)
    return settings


class _Run:
    """One run of the command line. Prints its summary however it ends."""

    def __init__(self, options: EnqueueOptions) -> None:
        self.summary = Summary()
        self._options = options
        self._plan: EnqueuePlan | None = None
        self._reasons: list[str] = []
        self._started = time.monotonic()

    def queue(self, settings: Settings, state: VideoTable, queue: ObservableQueue | None) -> None:
        """Queue the request, or count its videos in a dry run."""
        options, retry = self._options, RetryPolicy(tell=_tell)
        listed = _listed(options.codes)
        plan = make_plan(options, _endpoints(settings), state, listed, datetime.now(UTC), retry)
        self._plan = plan
        if plan.requeues_waiting:
            _tell(
                "note: the state has no column enqueued_at: videos that are already queued are queued again"
            )
        with _progress_bar(plan) as bar:
            for self.summary in _summaries(options, plan, state, queue, retry):
                bar.update(self.summary.seen - bar.n)
        if not self.summary.seen:
            self._reasons = list(why_nothing(plan, state))

    def tell(self, error: str | None) -> None:
        """Print the summary.

        Raises:
            OutputError: Standard output was closed.
        """
        plan, summary = self._plan, self.summary
        run_report = report.RunReport(
            summary,
            self._options.dry_run,
            time.monotonic() - self._started,
            estimated_cost(self._options),
            bool(plan and plan.within_budget and summary.seen == plan.request.limit and not summary.complete),
            self._reasons,
            error,
        )
        if self._options.as_json:
            say(report.summary_json(run_report))
        else:
            say("\n".join(report.summary_lines(run_report)))


def _tell(text: str) -> None:
    """Print a line on standard error above the progress bar."""
    with suppress(OSError):
        tqdm.write(escape_control_chars(text), file=sys.stderr)
        sys.stderr.flush()


def _endpoints(settings: Settings) -> dict[str, str | None]:
    """Return the state and the queue of this run, which a checkpoint records."""
    state = find_backend(settings.state_backend).address(settings)
    return {"state": state, "table": settings.state_table, "queue": settings.sqs_queue_url}


def _listed(file: str | None) -> CodeList | None:
    """Read the file of --codes.

    Raises:
        UsageError: It cannot be read.
    """
    if file is None:
        return None
    try:
        with nullcontext(sys.stdin) if file == "-" else Path(file).open(encoding="utf-8") as lines:
            return CodeList(lines)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise UsageError(f"--codes {file!r} cannot be read: {reason}") from error


def _summaries(
    options: EnqueueOptions,
    plan: EnqueuePlan,
    state: VideoTable,
    queue: ObservableQueue | None,
    retry: RetryPolicy,
) -> Iterator[Summary]:
    if queue is None:
        return count_pending_messages(plan.codes, plan.request, retry)
    summaries = enqueue(
        plan.codes,
        queue,
        plan.request,
        lambda codes: state.mark_enqueued(codes, datetime.now(UTC)),
        senders=options.senders,
        retry=retry,
    )
    path = options.checkpoint
    return summaries if path is None else keep_checkpoint(path, plan.checkpoint, summaries)


def _watch(options: EnqueueOptions, queue: ObservableQueue, state: VideoTable) -> None:
    """Print the progress until the queue is drained. Ctrl-C ends only the view."""
    try:
        with _View(as_json=options.as_json) as view:
            for progress in monitor(queue, state, options.watch_every):
                view.show(progress)
    except KeyboardInterrupt:
        complain("monitoring stopped; the workers continue")
        return
    say(report.end_json(progress) if options.as_json else "\n".join(report.end_lines(progress)))


class _View:
    """Prints progress: one line that is updated on a terminal, one line per sample elsewhere."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._bar = tqdm(bar_format="{desc}", disable=as_json or not sys.stdout.isatty(), file=sys.stdout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, progress: DrainProgress) -> None:
        if self._as_json:
            say(report.progress_json(progress))
        elif self._bar.disable:
            say(report.progress_line(progress))
        else:
            self._bar.set_description_str(report.progress_line(progress))


def _progress_bar(plan: EnqueuePlan) -> "tqdm[NoReturn]":
    """Return a progress bar for terminals; the backlog is counted only if the bar is shown."""
    total = None
    if sys.stderr.isatty():
        try:
            total = plan.codes.count_pending(plan.request.backlog_filter)
        except StateUnavailableError:
            total = None  # counting a large table may exceed the server's statement timeout; reading does not
    known = [number for number in (total, plan.request.limit) if number is not None]
    return tqdm(total=min(known, default=None), unit=" videos", file=sys.stderr, disable=None)
