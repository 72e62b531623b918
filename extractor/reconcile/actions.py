"""Subcommands that change something: they act only with ``--apply``, and print what they did."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import asdict

from extractor.cli.terminal import counted
from extractor.reconcile import announce, prune, repair, replay
from extractor.reconcile.arguments import ReconcileOptions
from extractor.reconcile.context import (
    EXAMPLES,
    CommandContext,
    chosen_findings,
    cutoff_timestamp,
    expectation,
    orphan_line,
)
from extractor.reconcile.findings import Finding
from extractor.reconcile.record_files import reports
from extractor.reconcile.snapshot import Snapshot
from extractor.reconcile.trash import Trash, trash_prefix


def repair_command(options: ReconcileOptions, context: CommandContext, snapshot: Snapshot) -> int:
    """Repair findings, or print what would be done. Returns the exit status."""
    tally: Counter[str] = Counter()
    expected = expectation(options, context, snapshot)
    with reports(options.csv, options.json) as record:
        videos = _recorded(chosen_findings(options, context, snapshot), record)
        if not options.apply:
            for findings in videos:
                tally[repair.repair_action({finding.kind for finding in findings})] += 1
            context.say("nothing was changed; with --apply:")
            context.tell(tally)
            return 1 if tally else 0
        now = context.now()
        repair_context = repair.RepairContext(
            context.scope,
            snapshot,
            context.table,
            context.job_queue(),
            expected,
            Trash(trash_prefix(now)),
            now,
        )
        try:
            repair.repair(videos, repair_context, tally)
        finally:
            context.tell(tally)
    if not_queued := tally[repair.RepairAction.REQUEUE] - tally["queued"]:
        context.say(f"{not_queued} of them could not be queued; run_sqs_batches.py will queue them")
    return 1 if not_queued or tally[repair.RepairAction.MANUAL] else 0


def prune_command(options: ReconcileOptions, context: CommandContext, snapshot: Snapshot) -> int:
    """Remove orphans, or print what would be removed. Returns the exit status."""
    before = cutoff_timestamp(options, context)
    found = [
        orphan
        for orphan in prune.orphans(context.scope, snapshot, before)
        if options.videos or orphan.what == "frames"
    ]
    with reports(options.csv, options.json) as record:
        for orphan in found:
            record(asdict(orphan))
    count = sum(orphan.object_count for orphan in found)
    action = "deleted permanently" if options.delete else "moved to the trash"
    for orphan in found[:EXAMPLES]:
        context.say(orphan_line(orphan))
    if not options.apply or not found:
        context.say(
            f"{counted(count, 'object')} of {counted(len(found), 'orphan')} would be {action} with --apply"
        )
        return 1 if found else 0
    if not _confirmed(options, context, count, action):
        context.say(f"not confirmed: {counted(count, 'object')} would be {action}; nothing was changed")
        return 1
    trash = None if options.delete else trash_prefix(context.now())
    tally: Counter[str] = Counter()
    try:
        prune.prune(found, context.scope, context.table, before, Trash(trash), tally)
    finally:
        context.tell(tally)
        if trash:
            context.say(f"the removed objects are under {trash}")
    return 0


def replay_command(options: ReconcileOptions, context: CommandContext) -> int:
    """Send dead letters back to the queue, or count them. Returns the exit status."""
    tally: Counter[str] = Counter()
    try:
        queue = context.job_queue() if options.apply else None
        replay.replay(context.dead_letters(), queue, options.reason, tally)
    finally:
        context.tell(tally)
    return 1 if any(name.startswith("refused") for name in tally) else 0


def announce_command(options: ReconcileOptions, context: CommandContext, snapshot: Snapshot) -> int:
    """Queue extracted videos to be announced, or count them. Returns the exit status."""
    tally: Counter[str] = Counter()
    try:
        queue = context.job_queue() if options.apply else None
        announce.announce(context.scope, snapshot, queue, options.code, tally)
    finally:
        context.tell(tally)
    return 1 if tally.keys() - {"queued", "would be announced"} else 0


def _recorded(
    videos: Iterable[list[Finding]], record: Callable[[dict[str, object]], None]
) -> Iterator[list[Finding]]:
    for findings in videos:
        for finding in findings:
            record(asdict(finding))
        yield findings


def _confirmed(options: ReconcileOptions, context: CommandContext, count: int, action: str) -> bool:
    if options.yes is not None:
        return options.yes == count
    return context.ask(
        f"{counted(count, 'object')} will be {action}. Type the number to continue: "
    ).strip() == str(count)
