#!/usr/bin/env python3
"""Command line: queue every video that is fetched and not extracted yet.

Reads the state, fills SQS_QUEUE_URL, and tells what was queued, also after Ctrl-C or an outage.
"""

import argparse
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from dotenv import load_dotenv
from tqdm import tqdm

from extractor.backlog import Order, Summary, enqueue_pending
from extractor.bootstrap import build_job_queue, build_state
from extractor.errors import SettingsError, StateUnavailableError, TransientError
from extractor.options import add_sampling_options, asked_for, field_of_message
from extractor.ports import StateStore
from extractor.settings import load_settings

_EPILOG = """\
Options of the sampling go into the messages; those not given follow the worker's own settings.
Settings come from the environment and from a file .env in the current folder; see .env.example.

exit status:
  0    every video was queued
  1    at least one could not be queued; the summary says why
  2    wrong usage or wrong settings
  3    the state or the queue is out of reach; the summary says what was queued until then
  130  interrupted; the same

examples:
  run_sqs_batches.py --dry-run
  run_sqs_batches.py --limit 1000
  run_sqs_batches.py --platform tiktok --interval 0.5 --format webp
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(format="%(levelname)s: %(message)s")
    _complete_environment()
    status, summary = 0, Summary()
    try:
        settings = load_settings(os.environ, needed=() if arguments.dry_run else ("sqs_queue_url",))
        state = build_state(settings)
        queue = None if arguments.dry_run else build_job_queue(settings)
        with _progress_bar(state, arguments.limit) as bar:
            for summary in enqueue_pending(state, queue, _order(arguments)):
                bar.update(summary.seen - bar.n)
    except SettingsError as error:
        print(f"error: the settings are wrong: {error}", file=sys.stderr)
        return 2
    except TransientError as error:
        print(f"error: {error}", file=sys.stderr)
        status = 3
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = 130
    print("\n".join(_report(summary, dry_run=arguments.dry_run)))
    return status or (1 if summary.refused else 0)


def _complete_environment() -> None:
    """Add what `.env` has and the environment has not. Of the names of the region, boto3 knows only the
    older one; Lambda sets both, people set the newer one."""
    load_dotenv(Path(".env"))
    if region := os.environ.get("AWS_REGION"):
        os.environ.setdefault("AWS_DEFAULT_REGION", region)


def _order(arguments: argparse.Namespace) -> Order:
    options = asked_for(arguments)
    if arguments.platform is not None:
        options["platform"] = arguments.platform
    return Order(arguments.limit, arguments.page_size, options)


def _report(summary: Summary, *, dry_run: bool) -> Iterator[str]:
    if dry_run:
        yield f"{summary.seen - len(summary.refused)} videos would be queued; nothing was sent (dry run)"
    else:
        yield f"{summary.queued} videos queued in {summary.calls} calls"
    if summary.refused:
        reasons = Counter(refusal.reason for refusal in summary.refused)
        listed = ", ".join(f"{count} × {reason!r}" for reason, count in reasons.most_common())
        example = summary.refused[0]
        yield f"{len(summary.refused)} videos refused: {listed}; the first was {example.code!r}"
    if summary.in_doubt:
        yield f"up to {summary.in_doubt} more may have been queued: they were sent, and no answer came"
    if summary.retried:
        yield f"{summary.retried} messages had to be sent again"
    if summary.repeated:
        yield f"up to {summary.repeated} videos may be queued twice, which does no harm"


def _progress_bar(state: StateStore, limit: int | None) -> "tqdm[NoReturn]":
    """On a terminal only; elsewhere nothing is counted for it, either."""
    total = None
    if sys.stderr.isatty():
        try:
            total = state.count_pending()
        except StateUnavailableError:
            total = None  # counting a large table may take longer than the server allows; reading it does not
    known = [number for number in (total, limit) if number is not None]
    return tqdm(total=min(known, default=None), unit=" videos", file=sys.stderr, disable=None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Queue every video that is fetched and not extracted yet.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--dry-run", action="store_true", help="only tell how many videos would be queued")
    add("--limit", metavar="N", type=_positive, help="queue at most N videos")
    add("--page-size", metavar="N", type=_positive, default=1000, help="rows read at once (default: 1000)")
    add("--platform", metavar="NAME", type=field_of_message("platform"), help="platform of all these videos")

    add_sampling_options(parser, with_timestamps=False)
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number over 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
