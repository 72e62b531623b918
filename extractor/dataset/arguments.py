"""Arguments of `python -m extractor.dataset`."""

import argparse
import re
from collections.abc import Sequence
from fractions import Fraction

from msgspec import Struct

from extractor.cli.terminal import program, text_argument
from extractor.dataset.splits import Split

S3 = "s3://"
"""What an argument that names a bucket begins with."""

_MOST_SHARD_MB = 100_000
_SPLIT_NAME = re.compile("[a-z0-9_]{1,32}")

_EPILOG = """\
The source holds what the extraction has written: videos with a manifest.json each, with their frames
as single files or as a tar, at any depth. The output is a folder, or s3://BUCKET/PREFIX:

  NAME-000000.tar ...  WebDataset shards of each split, with whole videos
  frames.parquet       a row for each frame, with its place in the shards and in the source
  videos.parquet       a row for each video

Images are copied, not decoded, and their sizes and SHA-256 are checked against the manifests. The same
source gives the same bytes. Shards that are already complete are checked and kept, so a run that was
interrupted continues. The tables are written last: with them, the data set is complete.

examples:
  python -m extractor.dataset export frames --out dataset
  python -m extractor.dataset export s3://oriane-frames --out dataset --split train=0.9,val=0.1

exit status:
  0    the data set is complete
  1    frames or manifests are missing, damaged or may not be read; stderr names them; there are no tables
  2    wrong usage, or the extra "dataset" of the package is not installed
  3    a service is unavailable, access to a bucket or to 10 manifests in a row is denied, or standard output
       cannot be written
  130  interrupted (143: terminated); the shards reported until then are complete
"""


class ExportOptions(Struct, frozen=True):
    """The parsed command line.

    Attributes:
        source: A folder, or ``s3://BUCKET/PREFIX``.
        out: Likewise.
        shard_mb: The size of a shard in MB (1,000,000 bytes).
        split: The splits; the shares add up to 1.
    """

    source: str
    out: str
    shard_mb: int
    split: tuple[Split, ...]


def parse_arguments(argv: Sequence[str] | None = None) -> ExportOptions:
    """Parse the command line; invalid arguments end the process with status 2.

    Args:
        argv: The arguments; by default those of the process.
    """
    found = vars(parser().parse_args(argv))
    del found["command"]
    return ExportOptions(**found)


def parser() -> argparse.ArgumentParser:
    """Build the parser of all subcommands."""
    whole = argparse.ArgumentParser(
        prog=program("python -m extractor.dataset"), description="Make data sets of extracted frames."
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    text = "write the frames as WebDataset shards, and tables of frames and videos"
    export = commands.add_parser(
        "export",
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    export.add_argument(
        "source",
        metavar="SOURCE",
        type=_location,
        help="a folder, or s3://BUCKET/PREFIX with the usual AWS settings (required)",
    )
    export.add_argument(
        "--out",
        metavar="TARGET",
        type=_location,
        required=True,
        help="a folder, or s3://BUCKET/PREFIX (required)",
    )
    export.add_argument(
        "--shard-mb",
        metavar="MB",
        type=_megabytes,
        default=256,
        help="size of a shard in MB; one video may make a larger shard (default: 256)",
    )
    export.add_argument(
        "--split",
        metavar="NAME=SHARE,...",
        type=parse_split,
        default="train=1",
        help="splits by a hash of the video's code; the shares add up to 1 (default: train=1)",
    )
    return whole


def parse_split(text: str) -> tuple[Split, ...]:
    """Parse splits such as ``train=0.9,val=0.1``.

    Raises:
        ArgumentTypeError: The text has another form, or the shares do not add up to 1.
    """
    splits = []
    for part in text.split(","):
        name, _, share = part.partition("=")
        if not _SPLIT_NAME.fullmatch(name) or not re.fullmatch(r"[01]|0?\.[0-9]{1,9}", share):
            raise argparse.ArgumentTypeError(f"{part!r} is not a name and a share such as train=0.9")
        splits.append(Split(name, Fraction(share)))
    if len({split.name for split in splits}) < len(splits) or not all(split.share for split in splits):
        raise argparse.ArgumentTypeError(f"{text!r} has a name twice, or a share of 0")
    if sum(split.share for split in splits) != 1:
        raise argparse.ArgumentTypeError(f"the shares of {text!r} do not add up to 1")
    return tuple(splits)


def _location(text: str) -> str:
    if text.startswith(S3) and not text.removeprefix(S3).partition("/")[0]:
        raise argparse.ArgumentTypeError(f"{text!r} names no bucket such as s3://BUCKET/PREFIX")
    return text_argument(text)


def _megabytes(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= _MOST_SHARD_MB):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {_MOST_SHARD_MB}, not {text!r}")
    return int(text)
