"""Dependencies and helpers shared by the subcommands."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from msgspec import Struct

from extractor.backends.queues.base import DeadLetterQueue, JobQueue
from extractor.cli.terminal import counted
from extractor.domain.output_options import OutputOptions
from extractor.domain.policy import SamplingPolicy, fingerprint
from extractor.reconcile import scan
from extractor.reconcile.arguments import ReconcileOptions
from extractor.reconcile.checks import ExpectedState
from extractor.reconcile.content_check import check_contents
from extractor.reconcile.findings import Finding
from extractor.reconcile.prune import Orphan
from extractor.reconcile.requeue import RequeueTable
from extractor.reconcile.snapshot import Snapshot
from extractor.reconcile.verify import verify

EXAMPLES = 3
"""The number of findings that are printed per kind."""


class CommandContext(Struct, frozen=True):
    """The dependencies of the subcommands.

    Attributes:
        scope: The buckets and the table to scan.
        table: The state table.
        policy: The sampling policy of the settings.
        output: The output form of the settings.
        job_queue: Builds the job queue when it is first used.
        dead_letters: Builds the reader of the dead-letter queue.
        say: Prints a line.
        ask: Prints a question and returns the answer.
        memory_mb: The memory of the function, for cost estimates.
        now: Returns the current time.
    """

    scope: scan.ScanScope
    table: RequeueTable
    policy: SamplingPolicy
    output: OutputOptions
    job_queue: Callable[[], JobQueue]
    dead_letters: Callable[[], DeadLetterQueue]
    say: Callable[[str], None]
    ask: Callable[[str], str]
    memory_mb: int
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def tell(self, tally: "Counter[str]") -> None:
        """Print counts, one per line."""
        for name, count in sorted(tally.items()):
            self.say(f"{count:>10}  {name}")


def chosen_findings(
    options: ReconcileOptions,
    context: CommandContext,
    snapshot: Snapshot,
    not_judged: "Counter[str] | None" = None,
) -> Iterator[list[Finding]]:
    """Yield the findings of each video, filtered by --only and --ignore; see `verify`."""
    expected = expectation(options, context, snapshot)
    contents = check_contents(context.scope, snapshot, options.sample) if options.deep else None
    for findings in verify(snapshot, expected, contents, not_judged):
        chosen = [
            finding
            for finding in findings
            if finding.kind not in options.ignore and (not options.only or finding.kind in options.only)
        ]
        if chosen:
            yield chosen


def expectation(options: ReconcileOptions, context: CommandContext, snapshot: Snapshot) -> ExpectedState:
    """Return the state that the settings define, for videos unchanged since before the scan."""
    begun = snapshot.begun or context.now()
    before = (begun - options.older_than).timestamp()
    return ExpectedState(fingerprint(context.policy), context.output, before)


def cutoff_timestamp(options: ReconcileOptions, context: CommandContext) -> float:
    """Return the time, in seconds since 1970, after which objects are left alone."""
    return (context.now() - options.older_than).timestamp()


def orphan_line(orphan: Orphan) -> str:
    """Format an orphan for printing."""
    size = f"{counted(orphan.object_count, 'object')}, {counted(orphan.size_bytes, 'byte')}"
    return f"{orphan.what} of {orphan.code}: {orphan.place} ({size})"
