"""Explain why a run found nothing to queue."""

from collections.abc import Iterator

from msgspec.structs import replace

from extractor.backends.state.base import Backlog, BacklogFilter
from extractor.cli.terminal import counted
from extractor.enqueue.plan import EnqueuePlan
from extractor.enqueue.request import CodeList
from extractor.errors import SettingsError, StateUnavailableError


def why_nothing(plan: EnqueuePlan, state: Backlog) -> Iterator[str]:
    """Yield one line per reason, with the option that changes it; none if the state is unavailable."""
    if plan.request.after is not None:
        yield f"the checkpoint says that everything up to {plan.request.after!r} is settled"
    if isinstance(plan.codes, CodeList):
        if not plan.codes.count_pending(plan.request.backlog_filter):
            yield "--codes: there are no codes in the file"
        return
    try:
        found = list(_left_out(plan, state))
    except (SettingsError, StateUnavailableError):
        return
    yield from found
    if not found and plan.request.after is None:
        yield "no fetched video is waiting to be extracted"


def _left_out(plan: EnqueuePlan, state: Backlog) -> Iterator[str]:
    backlog_filter = plan.request.backlog_filter
    wider = replace(backlog_filter, enqueued_before=None)
    if count := _more(state, backlog_filter, wider):
        yield (
            f"{counted(count, 'video')} already queued less than {plan.requeue_hours:g} h ago: "
            "--requeue-after 0 queues them again"
        )
    if count := _more(state, wider, replace(wider, fetched_since=None)):
        yield f"{counted(count, 'video')} fetched earlier than --since"
    if not backlog_filter.failed and (count := _failed(state)):
        yield f"{counted(count, 'video')} failed permanently: --retry-failed queues them"


def _more(state: Backlog, backlog_filter: BacklogFilter, wider: BacklogFilter) -> int:
    return 0 if backlog_filter == wider else state.count_pending(wider) - state.count_pending(backlog_filter)


def _failed(state: Backlog) -> int:
    try:
        return state.count_pending(BacklogFilter(failed=True))
    except SettingsError:  # the table has no column for failures
        return 0
