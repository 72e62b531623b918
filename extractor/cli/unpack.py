"""`python -m extractor unpack`: unpack an archive of frames into files."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from extractor import container
from extractor.backends.storage.folder import FolderObjectStore
from extractor.cli.terminal import complain, counted, escape_control_chars, say
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


def _package(location: str) -> Package:
    if location.startswith("s3://"):
        bucket, _, key = location.removeprefix("s3://").partition("/")
        folder, slash, name = key.rpartition("/")
        settings = Settings.model_validate({})  # reading from S3 needs no setting
        return Package(container.build_object_store(settings, bucket), folder + slash, name)
    path = Path(location)
    return Package(FolderObjectStore(path.parent), "", path.name)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of this command line."""
    parser = argparse.ArgumentParser(
        prog="python -m extractor unpack",
        description="Unpack the frames of OUTPUT=tar.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "package",
        metavar="MANIFEST_OR_TAR",
        help="a file, or s3://BUCKET/KEY with the usual AWS settings (required)",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="output folder (required)")
    return parser
