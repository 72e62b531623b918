"""`python -m extractor`: extract frames of local video files into local folders, without any cloud."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace
from pydantic import ValidationError

from extractor.cli.sampling_options import add_sampling_options, asked_for
from extractor.cli.terminal import (
    complain,
    counted,
    escape_control_chars,
    interruption,
    path_argument,
    program,
    run_command,
    say,
)
from extractor.cli.unpack import unpack
from extractor.domain.frames import ProgressCallback
from extractor.domain.manifest import Manifest
from extractor.domain.messages import VideoMessage
from extractor.domain.option_checks import NoEffectError
from extractor.domain.output_options import WRITERS, OutputOptions
from extractor.domain.policy import SamplingPolicy
from extractor.errors import ExtractorError, reason_of
from extractor.pipeline.extract import ExtractorConfig
from extractor.pipeline.local import extract_to_folder, local_config, require_extras
from extractor.pipeline.local_input import folder_names

_EPILOG = """\
Each video gets a separate folder, DIR/<file name without extension>/, with the frames and a
manifest.json that lists each frame with its exact time. For videos with equal names, the folder is
named after the parts of their paths that differ. By default there is one frame per second.

exit status:
  0    the frames of all videos were extracted
  1    at least one video failed; its reason code is on stderr
  2    wrong usage
  3    standard output cannot be written
  130  interrupted (143: terminated); the videos reported until then are complete
  141  the reader of standard output has closed it; likewise

example:
  python -m extractor holiday.mp4 --out frames --interval 0.5 --format webp
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["unpack"]:
        return run_command(lambda: unpack(arguments[1:]))
    return run_command(lambda: _run(arguments))


def _run(arguments: Sequence[str]) -> int:
    parser = build_parser()
    options = parser.parse_args(arguments)
    policy, config = _asked(options, parser)
    folders = zip(options.videos, folder_names(options.videos), strict=True)
    try:
        succeeded = [_extract(video, options.out / name, policy, config) for video, name in folders]
    except KeyboardInterrupt as error:
        what, status = interruption(error)
        complain(f"{what}; the videos reported above are complete")
        return status
    return 0 if all(succeeded) else 1


def _asked(
    options: argparse.Namespace, parser: argparse.ArgumentParser
) -> tuple[SamplingPolicy, ExtractorConfig]:
    """Validate the options before any work."""
    try:
        message = VideoMessage.model_validate({"code": "local", **asked_for(options)})
        policy = message.applied_to(SamplingPolicy())
        output = OutputOptions(options.output, options.storyboard)
        require_extras(policy, output)
        config = local_config(os.environ.get("FFMPEG_BINARY", "").strip() or None)
    except ValidationError as error:
        parser.error("; ".join(item["msg"] for item in error.errors()))
    except NoEffectError as error:
        parser.error(error.told(lambda option: option.flag))
    except (ValueError, ExtractorError, ModuleNotFoundError) as error:
        parser.error(str(error))
    return policy, replace(config, output=output)


def _extract(video: Path, folder: Path, policy: SamplingPolicy, config: ExtractorConfig) -> bool:
    """Extract one video. Report any error and return whether it succeeded."""
    try:
        with _progress_bar(video) as progress:
            manifest = extract_to_folder(video, folder, policy, config, progress)
    except Exception as error:  # noqa: BLE001 - the next video is tried after any error
        text = str(error) if isinstance(error, ExtractorError) else f"{type(error).__name__}: {error}"
        complain(f"{escape_control_chars(str(video))}: {reason_of(error)}: {escape_control_chars(text)}")
        return False
    for note in manifest.notes:
        complain(f"{escape_control_chars(str(video))}: note: {escape_control_chars(note)}")
    say(f"{escape_control_chars(str(video))}: {_summary(manifest)} -> {escape_control_chars(str(folder))}")
    return True


def _summary(manifest: Manifest) -> str:
    damaged = f", {counted(manifest.decode_errors, 'damaged frame')}" if manifest.decode_errors else ""
    return f"{counted(len(manifest.frames), 'frame')} of {manifest.video.duration_seconds:.2f} s{damaged}"


@contextmanager
def _progress_bar(video: Path) -> Iterator[ProgressCallback]:
    """Show a progress bar, on a terminal only, for videos that take longer than a second."""
    from tqdm import tqdm

    bar_format = "{desc} {percentage:3.0f}%|{bar}| {n:.0f} of {total:.0f} s of video, {remaining} left"
    with tqdm(
        desc=escape_control_chars(video.name),
        total=1.0,
        delay=1,
        leave=False,
        disable=None,
        file=sys.stderr,
        bar_format=bar_format,
    ) as bar:

        def advance(done_seconds: float, total_seconds: float) -> None:
            bar.total = max(total_seconds, done_seconds)
            bar.update(done_seconds - bar.n)

        yield advance


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of this command line."""
    parser = argparse.ArgumentParser(
        prog=program("python -m extractor"),
        description="Extract frames of video files into folders.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "videos",
        metavar="VIDEO",
        nargs="+",
        type=path_argument,
        help="a video file or a pipe; - is standard input",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=path_argument,
        required=True,
        help="parent of the output folders (required)",
    )
    parser.add_argument(
        "--output",
        choices=WRITERS,
        default="frames",
        help="a file for each frame, or one tar with all frames (see: python -m extractor unpack --help) "
        "(default: frames)",
    )
    parser.add_argument(
        "--storyboard",
        action="store_true",
        help="add a contact sheet and a thumbnail track for players (default: no)",
    )
    add_sampling_options(parser, defaults=SamplingPolicy())
    return parser


if __name__ == "__main__":
    sys.exit(main())
