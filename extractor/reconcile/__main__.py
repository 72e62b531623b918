"""Command line of the reconciler: compare the state with the objects, and repair differences."""

import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TypeVar

from extractor import container
from extractor.cli.environment import load_dotenv_defaults
from extractor.cli.host_names import check_host_names
from extractor.cli.lock import lock_checkpoint
from extractor.cli.terminal import (
    complain,
    counted,
    escape_control_chars,
    run_command,
    say,
)
from extractor.cli.waiting_notice import tell_of_retries
from extractor.domain.costs import Workload
from extractor.domain.layout import parse_layout
from extractor.reconcile import actions, commands, scan
from extractor.reconcile.arguments import ReconcileOptions, parse_arguments
from extractor.reconcile.context import CommandContext
from extractor.reconcile.snapshot import Snapshot
from extractor.settings import Settings, load_settings

T = TypeVar("T")
Command = Callable[[ReconcileOptions, CommandContext, Snapshot], int]

_WITHOUT_SCAN = {"status": commands.status, "replay": actions.replay_command}
_WITH_SCAN: dict[str, Command] = {
    "verify": commands.verify_command,
    "repair": actions.repair_command,
    "orphans": commands.orphans_command,
    "prune": actions.prune_command,
    "announce": actions.announce_command,
    "report": commands.report_command,
    "duplicates": commands.duplicates_command,
}
_NEEDED = {
    "repair": ("sqs_queue_url",),
    "announce": ("sqs_queue_url",),
    "replay": ("sqs_queue_url", "dead_letter_queue_url"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The arguments; by default those of the process.

    Returns:
        The exit status.
    """
    return run_command(lambda: _run(argv))


def _run(argv: Sequence[str] | None) -> int:
    options = parse_arguments(argv)
    logging.basicConfig(format="%(levelname)s: %(message)s")
    load_dotenv_defaults(os.environ)
    tell_of_retries(complain)
    settings = load_settings(os.environ, _NEEDED.get(options.command, ()) if options.apply else ())
    check_host_names(settings, os.environ, queue=options.apply and options.command in _NEEDED)
    context = _build_context(settings)
    if command := _WITHOUT_SCAN.get(options.command):
        return command(options, context)
    with lock_checkpoint(options.checkpoint):
        return _scan_and_run(_WITH_SCAN[options.command], options, context)


def _scan_and_run(command: Command, options: ReconcileOptions, context: CommandContext) -> int:
    """Scan, then run the command. The checkpoint file is kept only if one of the two is interrupted."""
    snapshot = Snapshot(options.checkpoint)
    done = False
    try:
        try:
            scan.scan_all(context.scope, snapshot, datetime.now(UTC))
        except BaseException:
            context.say(f"interrupted after {counted(snapshot.count('row'), 'row')}, without findings")
            raise
        status = command(options, context, snapshot)
        done = True
    finally:
        snapshot.close(keep=not done)
    return status


def _build_context(settings: Settings) -> CommandContext:
    table = container.build_table(settings)
    return CommandContext(
        scope=scan.ScanScope(
            inventory=table,
            store=cache(lambda bucket: container.build_tools_object_store(settings, bucket)),
            frames_bucket=settings.s3_bucket_frames,
            videos_bucket=settings.s3_bucket_videos,
            layout=parse_layout(settings.frames_layout),
            video_keys=settings.video_keys,
            workers=settings.upload_workers,
            watch=_progress_bar,
        ),
        table=table,
        policy=settings.policy,
        output=settings.output_form,
        job_queue=lambda: container.build_job_queue(settings),
        dead_letters=lambda: container.build_dead_letter_reader(settings),
        say=lambda text: say(escape_control_chars(text)),
        ask=_ask,
        memory_mb=settings.aws_lambda_function_memory_size or Workload().memory_mb,
    )


def _ask(question: str) -> str:
    """Read an answer; empty if standard input is closed."""
    try:
        return input(question)
    except EOFError:
        return ""


def _progress_bar(items: Iterable[T], label: str, total: int | None) -> Iterable[T]:
    """Show a progress bar on a terminal; elsewhere nothing."""
    from tqdm import tqdm

    return tqdm(items, desc=label, total=total, leave=False, file=sys.stderr, disable=None)


if __name__ == "__main__":
    sys.exit(main())
