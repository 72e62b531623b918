"""The type of a video on a command line."""

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from extractor.cli.terminal import path_argument

if TYPE_CHECKING:
    from pathlib import Path

    from extractor.pipeline.remote_video import RemoteVideo


def video_argument(text: str) -> "Path | RemoteVideo":
    """A path, a location in S3 or an http address. Raises `argparse.ArgumentTypeError`."""
    if not text.startswith(("s3://", "http://", "https://")):
        return path_argument(text)
    from extractor.pipeline.remote_video import parse_remote  # slow to import

    try:
        return parse_remote(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
