"""`python -m extractor.reconcile`: does the state tell the truth, and if not, set it right."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TypeVar

from extractor import container
from extractor.cli.host_names import check_host_names
from extractor.cli.lock import lock_checkpoint
from extractor.cli.terminal import (
    complain,
    counted,
    escape_control_chars,
    load_dotenv_defaults,
    run_command,
    say,
)
from extractor.cli.waiting_notice import tell_of_retries
from extractor.domain.costs import Workload
from extractor.domain.layout import parse_layout
from extractor.reconcile import actions, commands, scan
from extractor.reconcile.arguments import parser
from extractor.reconcile.context import CommandContext
from extractor.reconcile.snapshot import Snapshot
from extractor.settings import Settings, load_settings

T = TypeVar("T")
Command = Callable[[argparse.Namespace, CommandContext, Snapshot], int]

_WITHOUT_SURVEY = {"status": commands.status, "replay": actions.replay_command}
_WITH_SURVEY: dict[str, Command] = {
    "verify": commands.verify_command,
    "repair": actions.repair_command,
    "orphans": commands.orphans_command,
    "prune": actions.prune_command,
    "report": commands.report_command,
}
_NEEDED = {"repair": ("sqs_queue_url",), "replay": ("sqs_queue_url", "dead_letter_queue_url")}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    return run_command(lambda: _run(argv))


def _run(argv: Sequence[str] | None) -> int:
    options = parser().parse_args(argv)
    logging.basicConfig(format="%(levelname)s: %(message)s")
    load_dotenv_defaults(os.environ)
    tell_of_retries(complain)
    acts = getattr(options, "apply", False)
    settings = load_settings(os.environ, _NEEDED.get(options.command, ()) if acts else ())
    check_host_names(settings, os.environ, queue=acts and options.command in _NEEDED)
    context = _desk(settings)
    if command := _WITHOUT_SURVEY.get(options.command):
        return command(options, context)
    with lock_checkpoint(options.checkpoint):
        return _survey_and(_WITH_SURVEY[options.command], options, context)


def _survey_and(command: Command, options: argparse.Namespace, context: CommandContext) -> int:
    """The checkpoint, if there is one, stays only if this is cut off."""
    snapshot = Snapshot(options.checkpoint)
    done = False
    try:
        try:
            scan.scan_all(context.scope, snapshot, datetime.now(UTC))
        except BaseException:
            context.say(
                f"cut off after {counted(snapshot.count('row'), 'row')}; nothing is concluded from them"
            )
            raise
        status = command(options, context, snapshot)
        done = True
    finally:
        snapshot.close(keep=not done)
    return status


def _desk(settings: Settings) -> CommandContext:
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
    """Nothing, if nobody is there to answer."""
    try:
        return input(question)
    except EOFError:
        return ""


def _progress_bar(things: Iterable[T], label: str, total: int | None) -> Iterable[T]:
    """On a terminal only."""
    from tqdm import tqdm

    return tqdm(things, desc=label, total=total, leave=False, file=sys.stderr, disable=None)


if __name__ == "__main__":
    sys.exit(main())
