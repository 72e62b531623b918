"""From the words of the command line to an order, and back to where an earlier run of it was cut off."""

import argparse
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from extractor.backends.state.base import Backlog, BacklogFilter
from extractor.cli.sampling_options import asked_for
from extractor.domain.costs import Cost, Workload, cost_per_video, videos_within
from extractor.enqueue.arguments import RETENTION_HOURS
from extractor.enqueue.checkpoint import Checkpoint, read_checkpoint
from extractor.enqueue.request import CodeList, CodeSource, EnqueueRequest
from extractor.enqueue.retry import RetryPolicy
from extractor.errors import SettingsError


class EnqueuePlan(Struct, frozen=True):
    """`order` is to be taken from `codes`, beginning where the `checkpoint` says. `within_budget`: the
    order's limit is that of the money. `requeues_waiting`: the state cannot tell what is queued already.
    `requeue_hours`: what was queued less long ago is left out."""

    codes: CodeSource
    request: EnqueueRequest
    checkpoint: Checkpoint
    cost: Cost
    within_budget: bool
    requeues_waiting: bool
    requeue_hours: float


def make_plan(
    arguments: argparse.Namespace,
    place: Mapping[str, str | None],
    state: Backlog,
    listed: CodeList | None,
    now: datetime,
    retry: RetryPolicy,
) -> EnqueuePlan:
    """`place` names the state and the queue; a checkpoint of another place is refused.

    Raises `SettingsError`, and what `state` raises.
    """
    options = asked_for(arguments)
    if arguments.platform is not None:
        options["platform"] = arguments.platform
    hours = _requeue_hours(arguments)
    checkpoint = Checkpoint(_selection(arguments, place, options, listed, hours), now)
    if arguments.checkpoint is not None:
        checkpoint = read_checkpoint(arguments.checkpoint, checkpoint)
    backlog_filter = _pick(arguments, hours, checkpoint.started_at)
    blind = (
        arguments.requeue_after is None
        and backlog_filter.enqueued_before is not None
        and not _knows_queued(state, checkpoint.started_at, retry)
    )
    if blind:
        backlog_filter = BacklogFilter(backlog_filter.failed, None, backlog_filter.fetched_since)
    cost = estimated_cost(arguments)
    limit, within_budget = _limit(arguments, cost, checkpoint)
    request = EnqueueRequest(backlog_filter, checkpoint.settled_through, limit, arguments.page_size, options)
    return EnqueuePlan(listed or state, request, checkpoint, cost, within_budget, blind, hours)


def _requeue_hours(arguments: argparse.Namespace) -> float:
    """What failed was queued once, and whoever writes down codes means them."""
    if arguments.requeue_after is not None:
        return float(arguments.requeue_after)
    return 0.0 if arguments.retry_failed or arguments.codes else RETENTION_HOURS


def _selection(
    arguments: argparse.Namespace,
    place: Mapping[str, str | None],
    options: Mapping[str, object],
    listed: CodeList | None,
    hours: float,
) -> dict[str, Any]:
    """All that decides which messages are sent, and where to."""
    return {
        **place,
        "codes": None if listed is None else listed.fingerprint,
        "failed": arguments.retry_failed,
        "since": None if arguments.since is None else str(arguments.since),
        "requeue_after_hours": hours,
        "options": dict(options),
    }


def _pick(arguments: argparse.Namespace, hours: float, started_at: datetime) -> BacklogFilter:
    since = arguments.since
    return BacklogFilter(
        failed=arguments.retry_failed,
        enqueued_before=started_at - timedelta(hours=hours) if hours else None,
        fetched_since=started_at - since if isinstance(since, timedelta) else since,
    )


def _knows_queued(state: Backlog, started_at: datetime, retry: RetryPolicy) -> bool:
    """Whether the table has a column for when a video was queued."""
    try:
        retry.call(lambda: state.pending(None, 1, BacklogFilter(enqueued_before=started_at)))
    except SettingsError:
        return False
    return True


def estimated_cost(arguments: argparse.Namespace) -> Cost:
    """Of one video."""
    return cost_per_video(
        Workload(arguments.seconds_per_video, arguments.memory_mb, arguments.frames_per_video)
    )


def _limit(arguments: argparse.Namespace, cost: Cost, checkpoint: Checkpoint) -> tuple[int | None, bool]:
    """How many videos this run may queue, and whether it is the money that says so. A limit is for one
    run, the money for all runs that share a checkpoint."""
    if arguments.max_usd is None:
        return arguments.limit, False
    affordable = max(0, videos_within(arguments.max_usd, cost) - checkpoint.settled)
    if arguments.limit is not None and arguments.limit <= affordable:
        return arguments.limit, False
    return affordable, True
