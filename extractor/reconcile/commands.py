"""What the subcommands do that only look: they read, and tell."""

import argparse
from collections import Counter

from msgspec.structs import asdict

from extractor.errors import UsageError
from extractor.reconcile import prune
from extractor.reconcile.desk import EXAMPLES, Desk, chosen_findings, expectation, moment_before, orphan_line
from extractor.reconcile.findings import Finding
from extractor.reconcile.ledger import Ledger
from extractor.reconcile.outputs import reports
from extractor.reconcile.status import all_rows, count_outcomes
from extractor.reconcile.verify import verify


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
        for findings in chosen_findings(options, desk, ledger):
            for finding in findings:
                _tell_example(finding, counts, desk)
                counts[finding.kind] += 1
                record(asdict(finding))
    for kind, count in sorted(counts.items()):
        desk.say(f"{count:>10}  {kind}")
    desk.say(f"{ledger.count('row')} rows compared: {counts.total() or 'no'} findings")
    return 1 if counts else 0


def orphans_command(options: argparse.Namespace, desk: Desk, ledger: Ledger) -> int:
    found = 0
    with reports(options.csv, options.json) as record:
        for found, orphan in enumerate(prune.orphans(desk.field, ledger, moment_before(options, desk)), 1):
            if found <= EXAMPLES:
                desk.say(orphan_line(orphan))
            record(asdict(orphan))
    desk.say(f"{found or 'no'} orphans")
    return 1 if found else 0


def report_command(options: argparse.Namespace, desk: Desk, ledger: Ledger) -> int:
    from extractor.reconcile.gallery import strip
    from extractor.reconcile.page import Page, render
    from extractor.reconcile.statistics import gather

    expected = expectation(options, desk, ledger)
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
        raise UsageError(f"--out: cannot write to {str(options.out)!r}: {error.strerror}") from error
    desk.say(f"{options.out}: {statistics.rows} rows, {statistics.videos} videos with frames")
    return 0


def _tell_example(finding: Finding, counts: "Counter[str]", desk: Desk) -> None:
    if counts[finding.kind] < EXAMPLES:
        desk.say(f"{finding.kind}: {finding.code}: {finding.detail}")
