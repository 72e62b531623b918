"""Repair the findings of `verify`, after checking each video again.

A row is updated from a complete manifest, or reset and its video queued again; an interruption leaves a row
that `run_sqs_batches.py` queues. Complete frames whose source is gone are never removed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import datetime
from enum import StrEnum
from itertools import islice

from msgspec import Struct

from extractor.backends.queues.base import JobQueue
from extractor.backends.state.base import InventoryRow
from extractor.domain.jobs import VideoRef
from extractor.domain.key_parser import FrameFolder
from extractor.domain.manifest import parse_manifest
from extractor.errors import NotInStateError
from extractor.reconcile.checks import ExpectedState, find_problems
from extractor.reconcile.content_check import wrong_frames
from extractor.reconcile.findings import BROKEN, OUTDATED, UNRECORDED, Finding, FindingKind
from extractor.reconcile.key_ranges import FolderObjects
from extractor.reconcile.observations import FolderObservation, FolderState, inspect_folder, manifest_key
from extractor.reconcile.parallel import in_parallel
from extractor.reconcile.requeue import RequeueTable, message_for, requeue
from extractor.reconcile.scan import ScanScope
from extractor.reconcile.snapshot import Snapshot
from extractor.reconcile.trash import Trash

_WINDOW = 200  # videos per round


class RepairAction(StrEnum):
    """What happens to a video."""

    REQUEUE = "reset, to be extracted again"
    MARK_EXTRACTED = "marked extracted"
    MANUAL = "left for manual review"
    RESOLVED = "already resolved"


class RepairContext(Struct, frozen=True):
    """The dependencies of repairs.

    Attributes:
        scope: The buckets.
        snapshot: The scan.
        table: The state table.
        queue: The job queue.
        expected: The expected state.
        trash: Moves frames with wrong content away.
        now: The current time.
    """

    scope: ScanScope
    snapshot: Snapshot
    table: RequeueTable
    queue: JobQueue
    expected: ExpectedState
    trash: Trash
    now: datetime


def repair_action(kinds: Set[FindingKind]) -> RepairAction:
    """Return the action for a video with findings of these kinds."""
    if kinds & BROKEN or (kinds & OUTDATED and FindingKind.SOURCE_GONE not in kinds):
        return RepairAction.REQUEUE
    if kinds & UNRECORDED:
        return RepairAction.MARK_EXTRACTED
    return RepairAction.MANUAL if kinds else RepairAction.RESOLVED


def repair(videos: Iterable[Sequence[Finding]], context: RepairContext, tally: "Counter[str]") -> None:
    """Repair videos.

    Args:
        videos: The findings of each video.
        context: The dependencies.
        tally: Counts videos by action; accurate whatever ends the call.
    """
    remaining = iter(videos)
    while window := list(islice(remaining, _WINDOW)):
        again = []
        for code, chosen in in_parallel(
            window, lambda found: _repair_one(found, context), context.scope.workers
        ):
            if chosen is RepairAction.REQUEUE:
                again.append(code)
            else:
                tally[chosen] += 1
        messages = [message_for(code, context.scope, context.snapshot) for code in again]
        queued = requeue(again, context.table, context.queue, messages, context.now)
        tally[RepairAction.REQUEUE] += len(again)
        tally["queued"] += queued


def _repair_one(findings: Sequence[Finding], context: RepairContext) -> tuple[str, RepairAction]:
    """Check the video again and return the action; unless it is to be redone, the action has been applied."""
    code = findings[0].code
    row = _current_row(code, context)
    if row is None:
        return code, RepairAction.RESOLVED
    observation = [_inspect_again(item, context) for item in context.snapshot.observation(code)]
    reported = {finding.kind for finding in findings}
    kinds = reported & {finding.kind for finding in find_problems(row, observation, context.expected)}
    if _remove_wrong_frames(findings, context):
        kinds |= {FindingKind.FRAMES_WRONG_CONTENT}
    chosen = repair_action(kinds)
    if chosen is RepairAction.MARK_EXTRACTED and not _mark(code, observation, context):
        return code, RepairAction.RESOLVED
    return code, chosen


def _current_row(code: str, context: RepairContext) -> InventoryRow | None:
    """Return the row if it exists and still says the same as in the scan."""
    known = context.snapshot.row(code)
    now = context.table.begin(VideoRef(code), 0)
    return known if known and now and now.is_extracted == known.is_extracted else None


def _inspect_again(item: FolderObservation, context: RepairContext) -> FolderObservation:
    known, store, places = item.folder, context.scope.frames, context.scope.places
    objects = {
        entry.key: entry
        for entry in store.list(known.prefix)
        if (place := places.find(entry.key)) and place.prefix == known.prefix
    }
    folder = FolderObjects(FrameFolder(known.prefix, known.code, known.platform), objects)
    return FolderObservation(inspect_folder(folder, store, context.scope.layout), item.etag_now)


def _remove_wrong_frames(findings: Sequence[Finding], context: RepairContext) -> bool:
    """Move frames with wrong content away, since the worker trusts frames of the right size.

    Returns whether there were any.
    """
    store, kind = context.scope.frames, FindingKind.FRAMES_WRONG_CONTENT
    prefixes = [found.prefix for found in findings if found.kind is kind and found.prefix]
    wrong = [key for prefix in prefixes for key in wrong_frames(store, prefix)]
    context.trash.remove(store, wrong)
    return bool(wrong)


def _mark(code: str, observation: Sequence[FolderObservation], context: RepairContext) -> bool:
    """Update the row from a complete manifest. Returns whether there were both."""
    for folder in _complete_folders(observation):
        found = context.scope.frames.read(manifest_key(folder.prefix))
        if found and (manifest := parse_manifest(found.data)):
            try:
                context.table.mark_extracted(VideoRef(code), manifest.summary(folder.prefix))
            except NotInStateError:
                return False
            return True
    return False


def _complete_folders(observation: Sequence[FolderObservation]) -> Iterator[FolderState]:
    for item in observation:
        if item.folder.manifest == "in place" and not item.folder.missing and not item.folder.wrong_size:
            yield item.folder
