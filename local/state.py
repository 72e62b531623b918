"""Create the database of STATE_BACKEND=sqlite and add videos (`python -m local.state [CODE …]`).

The worker and the other command lines reject a database that does not exist, because a mistyped SQLITE_PATH
would look like an empty backlog.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence

from extractor.backends.state.columns import parse_columns
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.cli.environment import load_dotenv_defaults
from extractor.cli.terminal import counted, run_command, say
from extractor.domain.keys import CODE_PATTERN
from extractor.errors import SettingsError
from extractor.settings import load_settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    return run_command(lambda: _run(argv))


def _run(argv: Sequence[str] | None) -> int:
    codes = _parser().parse_args(argv).codes
    load_dotenv_defaults(os.environ)
    settings = load_settings(os.environ)
    if settings.state_backend != "sqlite" or settings.sqlite_path is None:
        raise SettingsError(f"STATE_BACKEND: must be sqlite here, not {settings.state_backend}")
    state = SqliteStateStore(
        settings.sqlite_path, settings.state_table, parse_columns(settings.state_columns), create=True
    )
    for code in codes:
        state.add(code, is_fetched=True)
    say(f"{settings.sqlite_path}: table {settings.state_table}, {counted(len(codes), 'video')} added")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.state",
        description="Create the database file SQLITE_PATH and the table STATE_TABLE if they do not exist, "
        "and add fetched videos.",
    )
    parser.add_argument(
        "codes",
        type=_code,
        nargs="*",
        metavar="CODE",
        help="code of a video in S3_BUCKET_VIDEOS (default: none)",
    )
    return parser


def _code(text: str) -> str:
    if not re.fullmatch(CODE_PATTERN, text):
        raise argparse.ArgumentTypeError(f"{text!r} is no code of a video")
    return text


if __name__ == "__main__":
    sys.exit(main())
