"""What each subcommand does: reads, tells, and acts only if it is asked to."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from extractor.errors import SettingsError
from extractor.manifest import fingerprint
from extractor.models import SamplingPolicy
from extractor.packing.output import Output
from extractor.ports import DeadLetters, JobQueue
from extractor.reconcile import prune, repair, replay, survey
from extractor.reconcile.content import check_contents
from extractor.reconcile.disposal import Disposal, trash_prefix
from extractor.reconcile.findings import Finding
from extractor.reconcile.judgement import Expectation
from extractor.reconcile.ledger import Ledger
from extractor.reconcile.outputs import reports
from extractor.reconcile.redo import Table
from extractor.reconcile.status import all_rows, count_outcomes
from extractor.reconcile.verify import verify

_EXAMPLES = 3  # of each kind that are printed


@dataclass(frozen=True, slots=True)
class Desk:
    """What the commands work with. The queues are built when they are needed."""

    field: survey.Field
    table: Table
    policy: SamplingPolicy
    output: Output
    job_queue: Callable[[], JobQueue]
    dead_letters: Callable[[], DeadLetters]
    say: Callable[[str], None]
    ask: Callable[[str], str]
    memory_mb: int
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def status(options: argparse.Namespace, desk: Desk) -> int:
    counts = count_outcomes(desk.field.watch(all_rows(desk.table), "rows", None))
    with reports(options.csv, options.json) as record:
        for name, count in sorted(counts.items()):
            desk.say(f"{count:>10}  {name}")
            record({"outcome": name, "count": count})
    desk.say(f"{counts.total():>10}  in all")
    return 0


def verify_command(options: argparse.Namespace, desk: Desk, ledger: Ledger) -> int:
    counts: Counter[str] = Counter()
    with reports(options.csv, options.json) as record:
        for findings in _findings(options, desk, ledger):
            for finding in findings:
                _tell_example(finding, counts, desk)
                counts[finding.kind] += 1
                record(asdict(finding))
    for kind, count in sorted(counts.items()):
        desk.say(f"{count:>10}  {kind}")
    desk.say(f"{ledger.count('row')} rows compared: {counts.total() or 'no'} findings")
    return 1 if counts else 0


def repair_command(options: argparse.Namespace, desk: Desk, ledger: Ledger) -> int:
    tally: Counter[str] = Counter()
    expected = _expectation(options, desk, ledger)
    with reports(options.csv, options.json) as record:
        videos = _recorded(_findings(options, desk, ledger), record)
        if not options.apply:
            for findings in videos:
                tally[repair.remedy({finding.kind for finding in findings})] += 1
            desk.say("nothing was changed (without --apply); it would be:")
            _tell(tally, desk)
            return 1 if tally else 0
        now = desk.now()
        shop = repair.Workshop(
            desk.field, ledger, desk.table, desk.job_queue(), expected, Disposal(trash_prefix(now)), now
        )
        try:
            repair.repair(videos, shop, tally)
        finally:
            _tell(tally, desk)
    if left := tally[repair.Remedy.REDO] - tally["queued"]:
        desk.say(f"{left} of them could not be queued; run_sqs_batches.py will find them")
    return 1 if left or tally[repair.Remedy.NOTHING] else 0


def orphans_command(options: argparse.Namespace, desk: Desk, ledger: Ledger) -> int:
    found = 0
    with reports(options.csv, options.json) as record:
        for found, orphan in enumerate(prune.orphans(desk.field, ledger, _before(options, desk)), 1):
            if found <= _EXAMPLES:
                desk.say(_line(orphan))
            record(asdict(orphan))
    desk.say(f"{found or 'no'} orphans")
    return 1 if found else 0


def prune_command(options: argparse.Namespace, desk: Desk, ledger: Ledger) -> int:
    before = _before(options, desk)
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
    for orphan in found[:_EXAMPLES]:
        desk.say(_line(orphan))
    if not options.apply or not found:
        desk.say(f"{count} objects of {len(found)} orphans would be {action} with --apply")
        return 1 if found else 0
    if not _confirmed(options, desk, count, action):
        desk.say(f"not confirmed: {count} objects would be {action}; nothing was changed")
        return 1
    trash = None if options.delete else trash_prefix(desk.now())
    tally: Counter[str] = Counter()
    try:
        prune.prune(found, desk.field, desk.table, before, Disposal(trash), tally)
    finally:
        _tell(tally, desk)
        if trash:
            desk.say(f"what was removed lies under {trash}")
    return 0


def replay_command(options: argparse.Namespace, desk: Desk) -> int:
    tally: Counter[str] = Counter()
    try:
        queue = desk.job_queue() if options.apply else None
        replay.replay(desk.dead_letters(), queue, options.reason, tally)
    finally:
        _tell(tally, desk)
    return 1 if any(name.startswith("refused") for name in tally) else 0


def report_command(options: argparse.Namespace, desk: Desk, ledger: Ledger) -> int:
    from extractor.reconcile.gallery import strip
    from extractor.reconcile.page import Page, render
    from extractor.reconcile.statistics import gather

    expected = _expectation(options, desk, ledger)
    findings = Counter(finding.kind for found in verify(ledger, expected) for finding in found)
    statistics = gather(ledger.rows(), ledger.folders(), options.gallery)
    page = Page(
        statistics=statistics,
        findings=dict(sorted(findings.items())),
        strips=[strip(desk.field.frames, facts) for facts in statistics.sample],
        places={"frames": desk.field.frames_bucket, "videos": desk.field.videos_bucket},
        moment=desk.now(),
        memory_mb=desk.memory_mb,
    )
    try:
        options.out.write_text(render(page), encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"--out: {error}") from error
    desk.say(f"{options.out}: {statistics.rows} rows, {statistics.videos} videos with frames")
    return 0


def _findings(options: argparse.Namespace, desk: Desk, ledger: Ledger) -> Iterator[list[Finding]]:
    """Those that are asked for, by video."""
    expected = _expectation(options, desk, ledger)
    contents = check_contents(desk.field, ledger, options.sample) if options.deep else None
    for findings in verify(ledger, expected, contents):
        chosen = [
            finding
            for finding in findings
            if finding.kind not in options.ignore and (not options.only or finding.kind in options.only)
        ]
        if chosen:
            yield chosen


def _recorded(
    videos: Iterable[list[Finding]], record: Callable[[dict[str, object]], None]
) -> Iterator[list[Finding]]:
    for findings in videos:
        for finding in findings:
            record(asdict(finding))
        yield findings


def _expectation(options: argparse.Namespace, desk: Desk, ledger: Ledger) -> Expectation:
    begun = ledger.begun or desk.now()
    before = (begun - options.older_than).timestamp()
    return Expectation(fingerprint(desk.policy), desk.output, before)


def _before(options: argparse.Namespace, desk: Desk) -> float:
    older_than: timedelta = options.older_than
    return (desk.now() - older_than).timestamp()


def _confirmed(options: argparse.Namespace, desk: Desk, count: int, action: str) -> bool:
    if options.yes is not None:
        return bool(options.yes == count)
    return desk.ask(f"{count} objects will be {action}. Type the number to go on: ").strip() == str(count)


def _tell_example(finding: Finding, counts: "Counter[str]", desk: Desk) -> None:
    if counts[finding.kind] < _EXAMPLES:
        desk.say(f"{finding.kind}: {finding.code}: {finding.detail}")


def _line(orphan: prune.Orphan) -> str:
    size = f"{orphan.object_count} objects, {orphan.size_bytes} bytes"
    return f"{orphan.what} of {orphan.code}: {orphan.place} ({size})"


def _tell(tally: "Counter[str]", desk: Desk) -> None:
    for name, count in sorted(tally.items()):
        desk.say(f"{count:>10}  {name}")
