"""The command line of the enqueuer: what may be asked, and what its words mean. Pure."""

import argparse
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from extractor.cli.sampling_options import add_sampling_options, field_of_message
from extractor.cli.terminal import path_argument, text_argument
from extractor.domain.costs import Workload

RETENTION_HOURS = 168.0
"""As long as the queue of infra/template.yaml keeps a message: whatever was enqueued earlier is gone."""

_MAX_SENDERS = 64
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

_EPILOG = """\
Options of the sampling go into the messages; those not given follow the worker's own settings.
Settings come from the environment and from a file .env in the current folder; see .env.example.
docs/howto/backlog.md tells more, of checkpoints, costs and the view above all.

exit status:
  0    every video was queued
  1    at least one could not be queued; the summary says why
  2    wrong usage or wrong settings
  3    the state or the queue is out of reach; the summary says what was queued until then
  130  interrupted (143: terminated); the same
  141  the reader of standard output has gone

examples:
  run_sqs_batches.py --dry-run                            how many there are, and what they will cost
  run_sqs_batches.py --checkpoint backlog.json --watch    all of them; repeat it if it is cut off
  run_sqs_batches.py --since 2d --max-usd 5
  run_sqs_batches.py --codes again.txt --platform tiktok --interval 0.5 --format webp
  run_sqs_batches.py --watch-only --json
"""


def build_parser() -> argparse.ArgumentParser:
    """Its results are those of `extractor.cli.sampling_options`, and the names of the options below."""
    parser = argparse.ArgumentParser(
        usage="%(prog)s [options]",
        description="Queue every video that is fetched and not extracted yet.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_selection(parser.add_argument_group("which videos"))
    _add_manner(parser.add_argument_group("how they are queued"))
    _add_costs(parser.add_argument_group("what they may cost"))
    _add_output(parser.add_argument_group("what is shown"))
    add_sampling_options(parser, defaults=None)
    return parser


def _add_selection(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--retry-failed",
        action="store_true",
        help="only videos that failed for good before (default: those that did not)",
    )
    add(
        "--since",
        metavar="WHEN",
        type=moment,
        help="only videos fetched since 2026-01-31, 12h or 2d ago (default: any)",
    )
    add(
        "--requeue-after",
        metavar="HOURS",
        type=_number(least=0),
        help=f"leave out what was queued in the last HOURS (default: {RETENTION_HOURS:g}; "
        "with --retry-failed 0)",
    )
    add(
        "--codes",
        metavar="FILE",
        type=text_argument,
        help="queue the codes in this file instead, one a line, whatever the state says; - is standard input "
        "(default: what the state says)",
    )
    add("--limit", metavar="N", type=_count, help="queue at most N videos (default: all)")
    add(
        "--platform",
        metavar="NAME",
        type=field_of_message("platform"),
        help="platform of all these videos (default: none)",
    )


def _add_manner(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--checkpoint",
        metavar="FILE",
        type=path_argument,
        help="remember here how far it came, and go on from there; removed when all is queued "
        "(default: none)",
    )
    add(
        "--senders",
        metavar="N",
        type=_senders,
        default=8,
        help=f"calls to the queue at the same time, 1-{_MAX_SENDERS} (default: 8)",
    )
    add("--page-size", metavar="N", type=_count, default=1000, help="rows read at once (default: 1000)")


def _add_costs(group: argparse._ArgumentGroup) -> None:
    default = Workload()
    add = group.add_argument
    add(
        "--max-usd",
        metavar="USD",
        type=_number(least=0),
        help="stop before the estimated bill passes this (default: no limit)",
    )
    add(
        "--seconds-per-video",
        metavar="S",
        type=_number(least=0),
        default=default.seconds_per_video,
        help=f"time that the function takes for one (default: {default.seconds_per_video:g})",
    )
    add(
        "--frames-per-video",
        metavar="N",
        type=_number(least=0),
        default=default.frames_per_video,
        help=f"images that one gives (default: {default.frames_per_video:g})",
    )
    add(
        "--memory-mb",
        metavar="MB",
        type=_count,
        default=default.memory_mb,
        help=f"memory of the function (default: {default.memory_mb})",
    )


def _add_output(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    view = group.add_mutually_exclusive_group()
    view.add_argument(
        "--dry-run",
        action="store_true",
        help="only tell how many videos would be queued, and the cost (default: no)",
    )
    view.add_argument(
        "--watch", action="store_true", help="afterwards, show how the workers get on (default: no)"
    )
    view.add_argument("--watch-only", action="store_true", help="the same, and queue nothing (default: no)")
    add(
        "--watch-every",
        metavar="SECONDS",
        type=_number(least=0.1),
        default=5.0,
        help="between two looks (default: 5)",
    )
    add("--json", action="store_true", help="tell everything in JSON, an object on each line (default: no)")


def moment(text: str) -> datetime | timedelta:
    """A moment in ISO 8601, in UTC if it names no time zone, or a time before now such as ``2d``."""
    if found := re.fullmatch(r"(\d{1,5})([mhdw])", text):
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a time such as 2026-01-31 or 2026-01-31T12:00 "
            "nor one before now such as 30m, 12h, 2d or 1w"
        ) from error
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number over 0")
    return int(text)


def _senders(text: str) -> int:
    if (number := _count(text)) > _MAX_SENDERS:
        raise argparse.ArgumentTypeError(f"{text!r} is more than {_MAX_SENDERS}")
    return number


def _number(least: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not (least <= number < math.inf):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least {least:g}")
        return number

    return convert
