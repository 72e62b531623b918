"""Sets right what `verify` found, after looking at each video again.

A row is written from a complete manifest, or reset and its video queued again; whatever is cut off in
between leaves a row that `run_sqs_batches.py` queues. No repair turns a good state into a worse one: whole
frames whose source is gone stay as they are.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import datetime
from enum import StrEnum
from itertools import islice

from msgspec import Struct

from extractor.backends.queues.base import JobQueue
from extractor.domain.manifest import parse_manifest
from extractor.domain.models import InventoryRow, Subject
from extractor.errors import NotInStateError
from extractor.reconcile.checks import Expectation, judge
from extractor.reconcile.content_check import wrong_frames
from extractor.reconcile.findings import BROKEN, OUTDATED, UNRECORDED, Finding, Kind
from extractor.reconcile.key_parser import Place
from extractor.reconcile.key_ranges import Folder
from extractor.reconcile.observations import Evidence, FolderFacts, look, manifest_key
from extractor.reconcile.parallel import in_parallel
from extractor.reconcile.requeue import Table, message_for, redo
from extractor.reconcile.scan import Field
from extractor.reconcile.snapshot import Ledger
from extractor.reconcile.trash import Disposal

_WINDOW = 200  # videos that are set right together


class Remedy(StrEnum):
    """What becomes of a video."""

    REDO = "reset, to be extracted again"
    MARK = "marked extracted"
    NOTHING = "left for a person to decide"
    MOOT = "not wrong any more"


class Workshop(Struct, frozen=True):
    """What repairs need. `disposal` takes frames whose content is wrong out of the way."""

    field: Field
    ledger: Ledger
    table: Table
    queue: JobQueue
    expected: Expectation
    disposal: Disposal
    now: datetime


def remedy(kinds: Set[Kind]) -> Remedy:
    """What helps a video that has all of these."""
    if kinds & BROKEN or (kinds & OUTDATED and Kind.SOURCE_GONE not in kinds):
        return Remedy.REDO
    if kinds & UNRECORDED:
        return Remedy.MARK
    return Remedy.NOTHING if kinds else Remedy.MOOT


def repair(videos: Iterable[Sequence[Finding]], shop: Workshop, tally: "Counter[str]") -> None:
    """Set the videos right, each of which comes with all of its findings.

    `tally` counts videos by remedy, and is true whenever this ends, also by an error."""
    remaining = iter(videos)
    while window := list(islice(remaining, _WINDOW)):
        again = []
        for code, chosen in in_parallel(window, lambda found: _treat(found, shop), shop.field.workers):
            if chosen is Remedy.REDO:
                again.append(code)
            else:
                tally[chosen] += 1
        messages = [message_for(code, shop.field, shop.ledger) for code in again]
        queued = redo(again, shop.table, shop.queue, messages, shop.now)
        tally[Remedy.REDO] += len(again)
        tally["queued"] += queued


def _treat(findings: Sequence[Finding], shop: Workshop) -> tuple[str, Remedy]:
    """The remedy for the video as it is now; applied already unless it is to be redone."""
    code = findings[0].code
    row = _current_row(code, shop)
    if row is None:
        return code, Remedy.MOOT
    evidence = [_look_again(item, shop) for item in shop.ledger.evidence(code)]
    asked = {finding.kind for finding in findings}
    kinds = asked & {finding.kind for finding in judge(row, evidence, shop.expected)}
    if _remove_wrong_frames(findings, shop):
        kinds |= {Kind.FRAMES_WRONG_CONTENT}
    chosen = remedy(kinds)
    if chosen is Remedy.MARK and not _mark(code, evidence, shop):
        return code, Remedy.MOOT
    return code, chosen


def _current_row(code: str, shop: Workshop) -> InventoryRow | None:
    """The row, if there still is one that says the same."""
    known = shop.ledger.row(code)
    now = shop.table.begin(Subject(code), 0)
    return known if known and now and now.is_extracted == known.is_extracted else None


def _look_again(item: Evidence, shop: Workshop) -> Evidence:
    known, store, places = item.folder, shop.field.frames, shop.field.places
    objects = {
        entry.key: entry
        for entry in store.list(known.prefix)
        if (place := places.find(entry.key)) and place.prefix == known.prefix
    }
    folder = Folder(Place(known.prefix, known.code, known.platform), objects)
    return Evidence(look(folder, store, shop.field.layout), item.etag_now)


def _remove_wrong_frames(findings: Sequence[Finding], shop: Workshop) -> bool:
    """Out of the way, or the worker would take them for right by their size. Whether there were any."""
    store, kind = shop.field.frames, Kind.FRAMES_WRONG_CONTENT
    prefixes = [found.prefix for found in findings if found.kind is kind and found.prefix]
    wrong = [key for prefix in prefixes for key in wrong_frames(store, prefix)]
    shop.disposal.remove(store, wrong)
    return bool(wrong)


def _mark(code: str, evidence: Sequence[Evidence], shop: Workshop) -> bool:
    """Whether there was a complete manifest, and a row to write it to."""
    for folder in _whole(evidence):
        found = shop.field.frames.read(manifest_key(folder.prefix))
        if found and (manifest := parse_manifest(found.data)):
            try:
                shop.table.mark_extracted(Subject(code), manifest.extraction(folder.prefix))
            except NotInStateError:
                return False
            return True
    return False


def _whole(evidence: Sequence[Evidence]) -> Iterator[FolderFacts]:
    for item in evidence:
        if item.folder.manifest == "in place" and not item.folder.missing and not item.folder.wrong_size:
            yield item.folder
