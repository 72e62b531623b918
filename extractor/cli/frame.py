"""`python -m extractor frame`: take one frame of a video as an image."""

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import get_args

from msgspec.structs import replace

from extractor.cli.environment import load_dotenv_defaults
from extractor.cli.terminal import (
    OutputError,
    complain,
    escape_control_chars,
    path_argument,
    program,
)
from extractor.cli.video_argument import video_argument
from extractor.domain import keys
from extractor.domain.fetch_mode import FetchMode
from extractor.domain.frames import StoredFrame
from extractor.domain.option import SamplingOption
from extractor.domain.policy import IMAGE_FORMATS, SamplingPolicy
from extractor.domain.single_frame import IMAGE_OPTIONS, NAMES, frame_policy
from extractor.errors import ExtractorError, StorageUnavailableError, VideoMissingError, reason_of
from extractor.pipeline.extract import ExtractorConfig
from extractor.pipeline.local import extract_to_folder, local_config
from extractor.pipeline.remote_video import RemoteVideo, S3Video
from extractor.settings import load_settings

_STANDARD_OUTPUT = Path("-")

_EPILOG = """\
The frame is the first one at or after the time, exactly. Its true time, in seconds after the first
frame of the video, is printed on standard error.

examples:
  python -m extractor frame holiday.mp4 --at 12.5 --out holiday.jpg
  python -m extractor frame s3://oriane-videos/DI5RZbSTV-t.mp4 --at 12.5 --width 640 --out frame.webp
  python -m extractor frame --code DI5RZbSTV-t --at -1 --format png > last-second.png

exit status:
  0    the image is written
  1    failed; the reason code is on stderr
  2    wrong usage
  3    standard output cannot be written
  130  interrupted (143: terminated)
"""


def frame(argv: Sequence[str], environ: MutableMapping[str, str]) -> int:
    """Run the command line and return the exit status.

    Args:
        argv: The arguments.
        environ: The environment, which is completed from `.env` if the video is in S3.
    """
    parser = build_parser()
    options = parser.parse_args(argv)
    if options.out == _STANDARD_OUTPUT and sys.stdout.isatty():
        parser.error("standard output is a terminal: give --out FILE, or redirect it")
    if options.platform and not options.code:
        parser.error("--platform needs --code")
    try:
        policy = frame_policy(_given(options), SamplingPolicy())
        config = local_config(environ.get("FFMPEG_BINARY", "").strip() or None)
    except (ValueError, ExtractorError) as error:
        parser.error(str(error))
    videos = list(_videos(options, environ))
    name = options.code or escape_control_chars(str(videos[0]))
    try:
        data, taken = _take(videos, policy, config)
        _write(options.out, data)
    except ExtractorError as error:
        complain(f"{name}: {reason_of(error)}: {escape_control_chars(str(error))}")
        return 1
    complain(f"{name}: frame of {taken.pts_seconds} s, {taken.width}x{taken.height}")
    return 0


def _given(options: argparse.Namespace) -> dict[str, str]:
    """Return the given options; the format follows the name of the file if it says one."""
    given = {name: value for name in NAMES if (value := getattr(options, name)) is not None}
    extension = options.out.suffix.lower().removeprefix(".").replace("jpeg", "jpg")
    if extension in IMAGE_FORMATS:
        given.setdefault("format", extension)
    return given


def _videos(options: argparse.Namespace, environ: MutableMapping[str, str]) -> Iterator[Path | RemoteVideo]:
    """Yield the places where the video may be, in order of preference.

    Raises:
        SettingsError: A setting is wrong.
    """
    if isinstance(options.video, S3Video) or options.code:
        load_dotenv_defaults(environ)
    if options.video is not None:
        is_remote = isinstance(options.video, RemoteVideo)
        yield replace(options.video, fetch=options.fetch) if is_remote else options.video
        return
    settings = load_settings(environ, only_reads=True)
    for key in keys.video_keys(settings.video_keys, options.code, options.platform):
        yield S3Video(settings.s3_bucket_videos, key, options.fetch)


def _take(
    videos: Sequence[Path | RemoteVideo], policy: SamplingPolicy, config: ExtractorConfig
) -> tuple[bytes, StoredFrame]:
    """Return the image and its frame, of the first video that exists.

    Raises:
        ExtractorError: There is none, or it gives no such frame.
    """
    with tempfile.TemporaryDirectory(prefix="frame-extractor-") as directory:
        missing = []
        for video in videos:
            try:
                (taken,) = extract_to_folder(video, Path(directory), policy, config).frames
            except VideoMissingError as error:
                missing.append(str(error))
            else:
                return Path(directory, taken.key).read_bytes(), taken
    raise VideoMissingError("; ".join(missing) or "every key of VIDEO_KEYS has a platform: give --platform")


def _write(out: Path, data: bytes) -> None:
    """Write the image to a file, or to standard output.

    Raises:
        OutputError: Standard output cannot be written.
        StorageUnavailableError: The file cannot be written.
    """
    if out != _STANDARD_OUTPUT:
        try:
            out.write_bytes(data)
        except OSError as error:
            raise StorageUnavailableError(f"cannot write {str(out)!r}: {error.strerror}") from error
        return
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise OutputError(error) from error


def _matching(pattern: str, example: str) -> Callable[[str], str]:
    """Return the type of a text with this pattern. It raises `argparse.ArgumentTypeError`."""

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise argparse.ArgumentTypeError(f"{text!r} is not of the form of {example}")
        return text

    return parse


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of this command line."""
    parser = argparse.ArgumentParser(
        prog=f"{program('python -m extractor')} frame",
        description="Take one frame of a video as an image.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "video",
        metavar="VIDEO",
        nargs="?",
        type=video_argument,
        help="a video file or a pipe; - is standard input; s3://BUCKET/KEY is an object in S3, read with the "
        "usual AWS settings; https://HOST/PATH is a file that is public or has a presigned address",
    )
    source.add_argument(
        "--code",
        metavar="CODE",
        type=_matching(keys.CODE_PATTERN, "DI5RZbSTV-t"),
        help="instead of VIDEO: the code of a video in the bucket of the settings, by VIDEO_KEYS "
        "(default: none)",
    )
    parser.add_argument(
        "--platform",
        metavar="PLATFORM",
        type=_matching(keys.PLATFORM_PATTERN, "instagram"),
        help="the platform of the code (default: none)",
    )
    parser.add_argument(
        "--at",
        metavar="SECONDS",
        required=True,
        help="the time after the first frame; negative: before the end of the video (required)",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=path_argument,
        default=_STANDARD_OUTPUT,
        help="the file to write; - is standard output (default: -)",
    )
    for name, option in IMAGE_OPTIONS.items():
        default = "that of the name of FILE, else jpg" if option.choices else _default(option)
        parser.add_argument(
            f"--{name}",
            metavar=option.metavar,
            choices=option.choices or None,
            help=f"{option.help} (default: {default})",
        )
    parser.add_argument(
        "--fetch",
        choices=get_args(FetchMode),
        default="auto",
        help="of a video in S3 or at an https address, fetch all, or of MP4 and MOV the bytes that are "
        "needed; auto: the latter if it pays (default: auto)",
    )
    return parser


def _default(option: SamplingOption) -> str:
    return option.no_default or str(option.default)
