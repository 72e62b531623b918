"""What the subcommands do that change something: they act only with ``--apply``, and tell what they did."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import asdict

from extractor.cli.terminal import counted
from extractor.reconcile import prune, repair, replay
from extractor.reconcile.context import (
    EXAMPLES,
    Desk,
    chosen_findings,
    expectation,
    moment_before,
    orphan_line,
)
from extractor.reconcile.findings import Finding
from extractor.reconcile.record_files import reports
from extractor.reconcile.snapshot import Ledger
from extractor.reconcile.trash import Disposal, trash_prefix


def repair_command(options: argparse.Namespace, desk: Desk, ledger: Ledger) -> int:
    tally: Counter[str] = Counter()
    expected = expectation(options, desk, ledger)
    with reports(options.csv, options.json) as record:
        videos = _recorded(chosen_findings(options, desk, ledger), record)
        if not options.apply:
            for findings in videos:
                tally[repair.remedy({finding.kind for finding in findings})] += 1
            desk.say("nothing was changed (without --apply); it would be:")
            desk.tell(tally)
            return 1 if tally else 0
        now = desk.now()
        shop = repair.Workshop(
            desk.field, ledger, desk.table, desk.job_queue(), expected, Disposal(trash_prefix(now)), now
        )
        try:
            repair.repair(videos, shop, tally)
        finally:
            desk.tell(tally)
    if left := tally[repair.Remedy.REDO] - tally["queued"]:
        desk.say(f"{left} of them could not be queued; run_sqs_batches.py will find them")
    return 1 if left or tally[repair.Remedy.NOTHING] else 0


def prune_command(options: argparse.Namespace, desk: Desk, ledger: Ledger) -> int:
    before = moment_before(options, desk)
    found = [
        orphan
        for orphan in prune.orphans(desk.field, ledger, before)
        if options.videos or orphan.what == "frames"
    ]
    with reports(options.csv, options.json) as record:
        for orphan in found:
            record(asdict(orphan))
    count = sum(orphan.object_count for orphan in found)
    action = "deleted for good" if options.delete else "moved to the trash"
    for orphan in found[:EXAMPLES]:
        desk.say(orphan_line(orphan))
    if not options.apply or not found:
        desk.say(
            f"{counted(count, 'object')} of {counted(len(found), 'orphan')} would be {action} with --apply"
        )
        return 1 if found else 0
    if not _confirmed(options, desk, count, action):
        desk.say(f"not confirmed: {counted(count, 'object')} would be {action}; nothing was changed")
        return 1
    trash = None if options.delete else trash_prefix(desk.now())
    tally: Counter[str] = Counter()
    try:
        prune.prune(found, desk.field, desk.table, before, Disposal(trash), tally)
    finally:
        desk.tell(tally)
        if trash:
            desk.say(f"what was removed lies under {trash}")
    return 0


def replay_command(options: argparse.Namespace, desk: Desk) -> int:
    tally: Counter[str] = Counter()
    try:
        queue = desk.job_queue() if options.apply else None
        replay.replay(desk.dead_letters(), queue, options.reason, tally)
    finally:
        desk.tell(tally)
    return 1 if any(name.startswith("refused") for name in tally) else 0


def _recorded(
    videos: Iterable[list[Finding]], record: Callable[[dict[str, object]], None]
) -> Iterator[list[Finding]]:
    for findings in videos:
        for finding in findings:
            record(asdict(finding))
        yield findings


def _confirmed(options: argparse.Namespace, desk: Desk, count: int, action: str) -> bool:
    if options.yes is not None:
        return bool(options.yes == count)
    return desk.ask(
        f"{counted(count, 'object')} will be {action}. Type the number to go on: "
    ).strip() == str(count)
