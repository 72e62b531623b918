"""Read-only subcommands."""

from collections import Counter
from collections.abc import Iterator

from msgspec.structs import asdict

from extractor.cli.durations import format_duration
from extractor.cli.terminal import counted
from extractor.errors import UsageError
from extractor.reconcile import prune
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
from extractor.reconcile.outcomes import all_rows, count_outcomes
from extractor.reconcile.record_files import reports
from extractor.reconcile.snapshot import Snapshot
from extractor.reconcile.verify import TOO_YOUNG, verify


def status(options: ReconcileOptions, context: CommandContext) -> int:
    """Print the number of rows by outcome. Returns the exit status."""
    counts = count_outcomes(context.scope.watch(all_rows(context.table), "rows", None))
    with reports(options.csv, options.json) as record:
        for name, count in sorted(counts.items()):
            context.say(f"{count:>10}  {name}")
            record({"outcome": name, "count": count})
    context.say(f"{counts.total():>10}  in all")
    return 0


def verify_command(options: ReconcileOptions, context: CommandContext, snapshot: Snapshot) -> int:
    """Print and record findings. Returns the exit status."""
    counts: Counter[str] = Counter()
    not_judged: Counter[str] = Counter()
    with reports(options.csv, options.json) as record:
        for findings in chosen_findings(options, context, snapshot, not_judged):
            for finding in findings:
                _print_example(finding, counts, context)
                counts[finding.kind] += 1
                record(asdict(finding))
    for kind, count in sorted(counts.items()):
        context.say(f"{count:>10}  {kind}")
    rows = snapshot.count("row")
    young = not_judged[TOO_YOUNG]
    found = counted(counts.total(), "finding") if counts else "no findings"
    context.say(f"{counted(rows - young, 'row')} compared: {found}")
    for text in _not_checked(options, young):
        context.say(f"not checked: {text}")
    return 1 if counts else 0


def _not_checked(options: ReconcileOptions, young: int) -> Iterator[str]:
    if young:
        age = format_duration(options.older_than)
        yield f"{counted(young, 'row')} whose frames were written in the last {age} (--older-than 0s: all)"
    if not options.deep:
        yield "the content of the frames (use --deep)"
    elif options.sample < 1:
        yield f"the content of the frames of {1 - options.sample:.0%} of the videos (--sample 1: all)"
    if kinds := [*options.ignore, *(f"all but {kind}" for kind in options.only[:1])]:
        yield f"excluded kinds: {', '.join(kinds)}"


def orphans_command(options: ReconcileOptions, context: CommandContext, snapshot: Snapshot) -> int:
    """Print and record orphans. Returns the exit status."""
    found = 0
    with reports(options.csv, options.json) as record:
        for found, orphan in enumerate(
            prune.orphans(context.scope, snapshot, cutoff_timestamp(options, context)), 1
        ):
            if found <= EXAMPLES:
                context.say(orphan_line(orphan))
            record(asdict(orphan))
    context.say(counted(found, "orphan") if found else "no orphans")
    if options.older_than:
        age = format_duration(options.older_than)
        context.say(f"not checked: objects written in the last {age} (--older-than 0s: all)")
    return 1 if found else 0


def report_command(options: ReconcileOptions, context: CommandContext, snapshot: Snapshot) -> int:
    """Write the HTML page. Returns the exit status."""
    from extractor.reconcile.report.page import ReportPage, render
    from extractor.reconcile.report.statistics import Group, gather
    from extractor.reconcile.report.thumbnails import film_strip

    expected = expectation(options, context, snapshot)
    findings: dict[str, Group] = {}
    for found in verify(snapshot, expected):
        for finding in found:
            findings.setdefault(finding.kind, Group()).add(finding.code)
    statistics = gather(snapshot.rows(), snapshot.folders(), options.gallery)
    page = ReportPage(
        statistics=statistics,
        findings=findings,
        strips=[film_strip(context.scope.frames, facts) for facts in statistics.sample],
        places={"frames bucket": context.scope.frames_bucket, "videos bucket": context.scope.videos_bucket},
        moment=context.now(),
        memory_mb=context.memory_mb,
    )
    try:
        options.out.write_text(render(page), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--out: cannot write to {str(options.out)!r}: {error.strerror}") from error
    rows, videos = counted(statistics.rows, "row"), counted(statistics.videos, "video")
    context.say(f"{options.out}: {rows}, {videos} with frames")
    return 0


def duplicates_command(options: ReconcileOptions, context: CommandContext, snapshot: Snapshot) -> int:
    """Print and record groups of duplicates. Returns the exit status."""
    from extractor.reconcile.duplicates import command

    return command.duplicates_command(options, context, snapshot)


def _print_example(finding: Finding, counts: "Counter[str]", context: CommandContext) -> None:
    if counts[finding.kind] < EXAMPLES:
        context.say(f"{finding.kind}: {finding.code}: {finding.detail}")
