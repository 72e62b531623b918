"""Why a run found nothing to queue."""

from collections.abc import Iterator

from msgspec.structs import replace

from extractor.backends.state.base import Backlog
from extractor.cli.terminal import counted
from extractor.domain.models import Pick
from extractor.enqueue.plan import Plan
from extractor.enqueue.request import ListedCodes
from extractor.errors import SettingsError, StateUnavailableError


def why_nothing(plan: Plan, state: Backlog) -> Iterator[str]:
    """The reasons, each a line that names the option that helps. None if the state cannot tell."""
    if plan.order.after is not None:
        yield f"the checkpoint says that everything up to {plan.order.after!r} is settled"
    if isinstance(plan.codes, ListedCodes):
        if not plan.codes.count_pending(plan.order.pick):
            yield "--codes: there are no codes in the file"
        return
    try:
        found = list(_left_out(plan, state))
    except (SettingsError, StateUnavailableError):
        return
    yield from found
    if not found and plan.order.after is None:
        yield "no video is fetched and waits to be extracted"


def _left_out(plan: Plan, state: Backlog) -> Iterator[str]:
    pick = plan.order.pick
    wider = replace(pick, enqueued_before=None)
    if count := _more(state, pick, wider):
        yield (
            f"{counted(count, 'video')} already queued less than {plan.requeue_hours:g} h ago: "
            "--requeue-after 0 queues them again"
        )
    if count := _more(state, wider, replace(wider, fetched_since=None)):
        yield f"{counted(count, 'video')} fetched earlier than --since"
    if not pick.failed and (count := _failed(state)):
        yield f"{counted(count, 'video')} failed for good: --retry-failed queues them"


def _more(state: Backlog, pick: Pick, wider: Pick) -> int:
    return 0 if pick == wider else state.count_pending(wider) - state.count_pending(pick)


def _failed(state: Backlog) -> int:
    try:
        return state.count_pending(Pick(failed=True))
    except SettingsError:  # the table has no column for failures
        return 0
