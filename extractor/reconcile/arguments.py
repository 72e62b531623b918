"""The reconciler's command-line arguments."""

import argparse
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct

from extractor.cli.durations import duration
from extractor.cli.terminal import path_argument, program, text_argument
from extractor.reconcile.findings import FindingKind

_EPILOG = """\
Settings come from the environment and from a file .env in the current folder; see .env.example.
Nothing is changed without --apply.

exit status:
  0    no findings, or all of them were repaired
  1    there are findings, or some were not repaired; the output lists them
  2    invalid usage or settings
  3    the state, a bucket or a queue is unavailable; an incomplete scan yields no findings
  130  interrupted (143: terminated)
  141  standard output was closed

examples:
  python -m extractor.reconcile status
  python -m extractor.reconcile verify --csv findings.csv
  python -m extractor.reconcile repair --only NO_MANIFEST --apply
  python -m extractor.reconcile prune --apply
  python -m extractor.reconcile replay --reason VIDEO_MISSING --apply
"""
_KINDS = ", ".join(FindingKind)


class ReconcileOptions(Struct, frozen=True):
    """The parsed arguments. Options that a subcommand does not have keep their defaults.

    Attributes:
        command: The subcommand.
        older_than: Ignore objects newer than this.
        checkpoint: The file of the scan.
        csv: The CSV file.
        json: The JSON file.
        only: Only findings of these kinds; empty for all.
        ignore: No findings of these kinds.
        deep: Compare the content of frames.
        sample: The share of videos that `deep` reads.
        apply: Make the changes.
        videos: Also remove videos.
        delete: Delete permanently.
        yes: The confirmed number of objects.
        reason: Only dead letters with these reasons; empty for all.
        code: Only videos with these codes; empty for all.
        out: The file of the HTML page.
        gallery: The number of videos shown with frames.
        distance: The greatest Hamming distance of similar frames.
        share: The share of frames that duplicates have in common.
    """

    command: str
    older_than: timedelta = timedelta(0)
    checkpoint: Path | None = None
    csv: Path | None = None
    json: Path | None = None
    only: tuple[FindingKind, ...] = ()
    ignore: tuple[FindingKind, ...] = ()
    deep: bool = False
    sample: float = 1.0
    apply: bool = False
    videos: bool = False
    delete: bool = False
    yes: int | None = None
    reason: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    out: Path = Path("report.html")
    gallery: int = 0
    distance: int = 10
    share: float = 0.5


def parse_arguments(argv: Sequence[str] | None = None) -> ReconcileOptions:
    """Parse the command line; invalid arguments end the process with status 2.

    Args:
        argv: The arguments; by default those of the process.
    """
    found: dict[str, Any] = vars(parser().parse_args(argv))
    repeatable = {name: tuple(values) for name, values in found.items() if isinstance(values, list)}
    return ReconcileOptions(**{**found, **repeatable})


def parser() -> argparse.ArgumentParser:
    """Build the parser of all subcommands."""
    whole = argparse.ArgumentParser(
        prog=program("python -m extractor.reconcile"),
        description="Compare the state table, the manifests and the objects, and repair differences.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")

    _outputs(command("status", "count the rows of the table by outcome"))
    for name, text in (
        ("verify", "find inconsistencies of videos that have a row"),
        ("repair", "repair the findings of verify"),
    ):
        one = command(name, text)
        _survey(one, "1h")
        _kinds(one)
        _outputs(one)
        if name == "repair":
            _apply(one)
    orphans = command("orphans", "find frames and videos without a row")
    _survey(orphans, "1d")
    _outputs(orphans)
    _prune(command("prune", "move orphaned frames to the trash of their bucket"))
    _replay(command("replay", "send dead letters back to the queue unchanged"))
    _announce(command("announce", "queue extracted videos again, to be announced to NOTIFY_TARGET only"))
    _duplicates(
        command("duplicates", "find videos that show the same content, by the hashes of their frames")
    )
    _report(command("report", "write an HTML page with outcomes, findings and statistics"))
    return whole


def _survey(one: argparse.ArgumentParser, age: str) -> None:
    one.add_argument(
        "--older-than",
        metavar="AGE",
        type=duration,
        default=duration(age),
        help="ignore objects newer than an age such as 90s, 30m, 2h or 7d: their run may be in progress "
        f"(default: {age})",
    )
    _checkpoint(one)


def _checkpoint(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--checkpoint",
        metavar="FILE",
        type=path_argument,
        help="save the scan in this file, and resume from it after an interruption (default: none)",
    )


def _outputs(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--csv", metavar="FILE", type=path_argument, help="write all records as CSV (default: none)"
    )
    one.add_argument(
        "--json", metavar="FILE", type=path_argument, help="write all records as JSON (default: none)"
    )


def _kinds(one: argparse.ArgumentParser) -> None:
    for flag, text in (
        ("--only", f"only findings of this kind; repeatable: {_KINDS} (default: all)"),
        ("--ignore", "no findings of this kind; repeatable (default: none)"),
    ):
        one.add_argument(flag, metavar="KIND", type=_kind, action="append", default=[], help=text)
    one.add_argument(
        "--deep", action="store_true", help="also download frames and compare their SHA-256 (default: no)"
    )
    one.add_argument(
        "--sample",
        metavar="SHARE",
        type=_share,
        default=0.01,
        help="share of the videos that --deep reads; 1: all (default: 0.01)",
    )


def _apply(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--apply", action="store_true", help="make the changes; otherwise only print them (default: no)"
    )


def _prune(one: argparse.ArgumentParser) -> None:
    _survey(one, "1d")
    _outputs(one)
    _apply(one)
    one.add_argument(
        "--videos", action="store_true", help="also remove videos without a row (default: only frames)"
    )
    one.add_argument(
        "--delete",
        action="store_true",
        help="delete permanently instead of moving to the trash (default: no)",
    )
    one.add_argument(
        "--yes", metavar="N", type=_number, help="confirm the removal of N objects (default: ask)"
    )


def _replay(one: argparse.ArgumentParser) -> None:
    _apply(one)
    one.add_argument(
        "--reason",
        type=text_argument,
        action="append",
        default=[],
        help="only dead letters with this reason; repeatable (default: all)",
    )


def _announce(one: argparse.ArgumentParser) -> None:
    _checkpoint(one)
    _apply(one)
    one.add_argument(
        "--code",
        type=text_argument,
        action="append",
        default=[],
        help="only the video with this code; repeatable (default: all that are extracted)",
    )


def _duplicates(one: argparse.ArgumentParser) -> None:
    _checkpoint(one)
    _outputs(one)
    one.add_argument(
        "--distance",
        metavar="BITS",
        type=_number,
        default=10,
        help="greatest Hamming distance of frames that are alike, of 64 bits (default: 10)",
    )
    one.add_argument(
        "--share",
        metavar="SHARE",
        type=_share,
        default=0.5,
        help="least share of the distinct frames of one of two videos that must match (default: 0.5)",
    )


def _report(one: argparse.ArgumentParser) -> None:
    _survey(one, "1h")
    one.add_argument(
        "--out",
        metavar="FILE",
        type=path_argument,
        default=Path("report.html"),
        help="file of the page (default: report.html)",
    )
    one.add_argument(
        "--gallery",
        metavar="N",
        type=_number,
        default=12,
        help="number of videos shown with frames (default: 12)",
    )


def _kind(text: str) -> FindingKind:
    try:
        return FindingKind(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {_KINDS}") from error


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share over 0 and up to 1")
    return share


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)
