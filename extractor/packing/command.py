"""`python -m extractor unpack`: a tar of frames back into files."""

# ruff: noqa: T201 - a command line prints
import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from extractor import bootstrap
from extractor.adapters.folder import FolderObjectStore
from extractor.errors import ExtractorError, reason_of
from extractor.packing.unpack import Package
from extractor.settings import Settings

_EPILOG = """\
The tar and its manifest lie in one folder; either of them may be named. The files get the names that they
would have had with OUTPUT=frames, and each must have the SHA-256 that the manifest states.

examples:
  python -m extractor unpack frames/holiday/manifest.json --out holiday
  python -m extractor unpack s3://oriane-frames/DI5RZbSTV-t/frames.tar --out DI5RZbSTV-t

exit status: 0, or 1 with a reason code on stderr, or 2 for wrong usage
"""


def main(argv: Sequence[str]) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(argv)
    try:
        count = _package(options.package).unpack(FolderObjectStore(options.out))
    except ExtractorError as error:
        print(f"{options.package!r}: {reason_of(error)}: {error}", file=sys.stderr)
        return 1
    print(f"{count} frame{'s' * (count != 1)} -> {str(options.out)!r}")
    return 0


def _package(location: str) -> Package:
    if location.startswith("s3://"):
        bucket, _, key = location.removeprefix("s3://").partition("/")
        folder, slash, name = key.rpartition("/")
        settings = Settings.model_validate({})  # of which reading from S3 needs none
        return Package(bootstrap.build_object_store(settings, bucket), folder + slash, name)
    path = Path(location)
    return Package(FolderObjectStore(path.parent), "", path.name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m extractor unpack",
        description="Unpack the frames of OUTPUT=tar.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "package", metavar="MANIFEST_OR_TAR", help="a file, or s3://BUCKET/KEY with the usual AWS settings"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="where the files go")
    return parser
