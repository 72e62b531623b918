"""The command-line arguments of the worker outside of Lambda. Pure: no I/O."""

import argparse
from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import Struct

from extractor.cli.terminal import program
from extractor.media.ffmpeg.threads import available_cpus

LONGEST_SECONDS = 12 * 3600
"""How long SQS lets a message be hidden after it was received."""

CLAIM_SECONDS = 900
"""The default of --max-seconds where workers claim videos: a claim outlives a killed worker by so long."""

_MAX_SECONDS = 6 * 3600
_VISIBILITY_SECONDS = 120
_MAX_PROCESSES = 256
_EPILOG = """\
Settings come from the environment and from a file .env in the current folder; see .env.example.
SIGTERM or Ctrl-C: take no more messages, finish those in hand, and end. A second one ends at once.
docs/howto/serve.md has examples for Docker Compose, ECS and Kubernetes.

exit status:
  0    ended after SIGTERM or Ctrl-C
  2    invalid usage or settings
  137  ended at once, by a second signal
"""


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int


class ServeOptions(Struct, frozen=True):
    """The parsed arguments.

    Attributes:
        processes: The number of worker processes; each handles one message at a time.
        grace_seconds: How long messages in hand may take after a signal.
        max_seconds: How long a message may take; ``None`` if not given.
        visibility_seconds: How long a message is hidden from others, before this is prolonged.
        wait_seconds: How long a call waits for a message.
        listen: Where health and metrics are served; ``None`` for nowhere.
    """

    processes: int
    grace_seconds: float
    max_seconds: int | None
    visibility_seconds: int
    wait_seconds: int
    listen: Address | None

    def seconds_per_message(self, *, claims: bool) -> int:
        """Return how long a message may take.

        Args:
            claims: Whether workers claim videos.
        """
        return self.max_seconds or (CLAIM_SECONDS if claims else _MAX_SECONDS)


def parse_arguments(argv: Sequence[str] | None = None) -> ServeOptions:
    """Parse the command line; invalid arguments end the process with status 2.

    Args:
        argv: The arguments; by default those of the process.
    """
    found = build_parser().parse_args(argv)
    return ServeOptions(
        processes=found.processes or max(1, int(available_cpus())),
        grace_seconds=found.grace,
        max_seconds=found.max_seconds,
        visibility_seconds=found.visibility,
        wait_seconds=found.wait,
        listen=found.listen,
    )


def build_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        prog=program("python -m extractor.serve"),
        usage="%(prog)s [options]",
        description="Take messages from SQS_QUEUE_URL and extract their videos, without Lambda.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--processes",
        metavar="N",
        type=_whole(1, _MAX_PROCESSES),
        help="worker processes, each of which handles one message at a time (default: one for each CPU)",
    )
    add(
        "--grace",
        metavar="SECONDS",
        type=_whole(0, LONGEST_SECONDS),
        default=25,
        help="after a signal, messages that are not done within this time are given back (default: 25)",
    )
    add(
        "--max-seconds",
        metavar="SECONDS",
        type=_whole(1, LONGEST_SECONDS - _VISIBILITY_SECONDS),
        help="the longest that a message may take "
        f"(default: {_MAX_SECONDS}; {CLAIM_SECONDS} with STATE_BACKEND=dynamodb)",
    )
    add(
        "--visibility",
        metavar="SECONDS",
        type=_whole(3, 3600),
        default=_VISIBILITY_SECONDS,
        help="hide a message from others for this time, prolonged while a video is worked on; a worker that "
        f"is killed gives it back after it (default: {_VISIBILITY_SECONDS})",
    )
    add(
        "--wait",
        metavar="SECONDS",
        type=_whole(1, 20),
        default=20,
        help="how long a call waits for a message; an idle worker ends after at most this time (default: 20)",
    )
    add(
        "--listen",
        metavar="HOST:PORT",
        type=_address,
        default=_address("127.0.0.1:8080"),
        help="serve /healthz and /metrics here; '' for nowhere (default: 127.0.0.1:8080)",
    )
    return parser


def _whole(least: int, most: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return convert


def _address(text: str) -> Address | None:
    if not text:
        return None
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no address such as 127.0.0.1:8080 or [::1]:8080")
    return Address(host, int(port))
