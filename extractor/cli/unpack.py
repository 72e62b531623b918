"""`python -m extractor unpack`: unpack an archive of frames into files."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from extractor import container
from extractor.backends.storage.folder import FolderObjectStore
from extractor.cli.terminal import (
    complain,
    counted,
    escape_control_chars,
    path_argument,
    program,
    say,
    text_argument,
)
from extractor.errors import ExtractorError, reason_of
from extractor.output.unpack import Package
from extractor.settings import Settings

_EPILOG = """\
The tar and its manifest must be in one folder; give either of them. The files get the names that they
have with OUTPUT=frames, and the SHA-256 of each is checked against the manifest.

examples:
  python -m extractor unpack frames/holiday/manifest.json --out holiday
  python -m extractor unpack s3://oriane-frames/DI5RZbSTV-t/frames.tar --out DI5RZbSTV-t

exit status:
  0    all frames are unpacked
  1    failed; the reason code is on stderr
  2    wrong usage
  3    standard output cannot be written
  130  interrupted (143: terminated)
"""

_S3 = "s3://"


def unpack(argv: Sequence[str]) -> int:
    """Run the command line and return the exit status."""
    options = build_parser().parse_args(argv)
    try:
        count = _package(options.package).unpack(FolderObjectStore(options.out))
    except ExtractorError as error:
        complain(
            f"{escape_control_chars(options.package)}: {reason_of(error)}: {escape_control_chars(str(error))}"
        )
        return 1
    say(f"{counted(count, 'frame')} -> {escape_control_chars(str(options.out))}")
    return 0


def _location(text: str) -> str:
    if text.startswith(_S3) and not all(text.removeprefix(_S3).partition("/")[::2]):
        raise argparse.ArgumentTypeError(f"{text!r} names no bucket and key such as s3://BUCKET/KEY")
    return text_argument(text)


def _package(location: str) -> Package:
    if location.startswith(_S3):
        bucket, _, key = location.removeprefix(_S3).partition("/")
        folder, slash, name = key.rpartition("/")
        settings = Settings.model_validate({})  # reading from S3 needs no setting
        return Package(container.build_tools_object_store(settings, bucket), folder + slash, name)
    path = Path(location)
    return Package(FolderObjectStore(path.parent), "", path.name)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of this command line."""
    parser = argparse.ArgumentParser(
        prog=f"{program('python -m extractor')} unpack",
        description="Unpack the frames of OUTPUT=tar.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "package",
        metavar="MANIFEST_OR_TAR",
        type=_location,
        help="a file, or s3://BUCKET/KEY with the usual AWS settings (required)",
    )
    parser.add_argument(
        "--out", metavar="DIR", type=path_argument, required=True, help="output folder (required)"
    )
    return parser
