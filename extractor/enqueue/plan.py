"""Turn the arguments into a request that resumes from the checkpoint of an interrupted run."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from extractor.backends.state.base import Backlog, BacklogFilter
from extractor.domain.costs import Cost, cost_per_video, videos_within
from extractor.enqueue.arguments import RETENTION_HOURS, EnqueueOptions
from extractor.enqueue.checkpoint import Checkpoint, read_checkpoint
from extractor.enqueue.request import CodeList, CodeSource, EnqueueRequest
from extractor.enqueue.retry import RetryPolicy
from extractor.errors import SettingsError


class EnqueuePlan(Struct, frozen=True):
    """What a run will do.

    Attributes:
        codes: Where the codes are read.
        request: What to enqueue, starting after the checkpoint.
        checkpoint: The progress so far.
        cost: The estimated cost per video.
        within_budget: Whether --max-usd determines the limit of the request.
        requeues_waiting: Whether the state cannot tell which videos are already queued.
        requeue_hours: Videos queued in the last `requeue_hours` hours are skipped.
    """

    codes: CodeSource
    request: EnqueueRequest
    checkpoint: Checkpoint
    cost: Cost
    within_budget: bool
    requeues_waiting: bool
    requeue_hours: float


def make_plan(
    options: EnqueueOptions,
    endpoints: Mapping[str, str | None],
    state: Backlog,
    listed: CodeList | None,
    now: datetime,
    retry: RetryPolicy,
) -> EnqueuePlan:
    """Plan a run.

    Args:
        options: The parsed arguments.
        endpoints: The state and the queue; the checkpoint of other endpoints is rejected.
        state: The state.
        listed: The codes of --codes, if given.
        now: The current time.
        retry: How often and when failed queries are repeated.

    Raises:
        SettingsError: The table lacks a column that an option needs.
        UsageError: The checkpoint cannot be used.
    """
    hours = _requeue_hours(options)
    checkpoint = Checkpoint(_selection(options, endpoints, listed, hours), now)
    if options.checkpoint is not None:
        checkpoint = read_checkpoint(options.checkpoint, checkpoint)
    backlog_filter = _backlog_filter(options, hours, checkpoint.started_at)
    requeues_waiting = (
        options.requeue_after_hours is None
        and backlog_filter.enqueued_before is not None
        and not _knows_queued(state, checkpoint.started_at, retry)
    )
    if requeues_waiting:
        backlog_filter = BacklogFilter(backlog_filter.failed, None, backlog_filter.fetched_since)
    cost = estimated_cost(options)
    limit, within_budget = _limit(options, cost, checkpoint)
    request = EnqueueRequest(
        backlog_filter, checkpoint.settled_through, limit, options.page_size, options.message_fields
    )
    return EnqueuePlan(listed or state, request, checkpoint, cost, within_budget, requeues_waiting, hours)


def _requeue_hours(options: EnqueueOptions) -> float:
    """Return 0 by default for failed videos and given codes: the user means to queue them again."""
    if options.requeue_after_hours is not None:
        return options.requeue_after_hours
    return 0.0 if options.retry_failed or options.codes else RETENTION_HOURS


def _selection(
    options: EnqueueOptions,
    endpoints: Mapping[str, str | None],
    listed: CodeList | None,
    hours: float,
) -> dict[str, Any]:
    """Return everything that determines which messages are sent, and where."""
    return {
        **endpoints,
        "codes": None if listed is None else listed.fingerprint,
        "failed": options.retry_failed,
        "since": None if options.since is None else str(options.since),
        "requeue_after_hours": hours,
        "options": dict(options.message_fields),
    }


def _backlog_filter(options: EnqueueOptions, hours: float, started_at: datetime) -> BacklogFilter:
    since = options.since
    return BacklogFilter(
        failed=options.retry_failed,
        enqueued_before=started_at - timedelta(hours=hours) if hours else None,
        fetched_since=started_at - since if isinstance(since, timedelta) else since,
    )


def _knows_queued(state: Backlog, started_at: datetime, retry: RetryPolicy) -> bool:
    """Return whether the table has a column for when a video was queued."""
    try:
        retry.call(lambda: state.pending(None, 1, BacklogFilter(enqueued_before=started_at)))
    except SettingsError:
        return False
    return True


def estimated_cost(options: EnqueueOptions) -> Cost:
    """Return the estimated cost per video."""
    return cost_per_video(options.workload)


def _limit(options: EnqueueOptions, cost: Cost, checkpoint: Checkpoint) -> tuple[int | None, bool]:
    """Return the maximum number of videos of this run, and whether --max-usd determines it.

    --limit applies to one run, --max-usd to all runs that share a checkpoint.
    """
    if options.max_usd is None:
        return options.limit, False
    affordable = max(0, videos_within(options.max_usd, cost) - checkpoint.settled)
    if options.limit is not None and options.limit <= affordable:
        return options.limit, False
    return affordable, True
