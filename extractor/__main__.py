"""`python -m extractor`: local video files to local folders of frames, without any cloud."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path

from msgspec.structs import replace
from pydantic import ValidationError

from extractor.errors import ExtractorError, reason_of
from extractor.extraction import Progress, Toolbox
from extractor.local_files import extract_to_folder, local_toolbox
from extractor.manifest import Manifest
from extractor.messages import VideoMessage
from extractor.options import add_sampling_options, asked_for
from extractor.packing.command import main as unpack
from extractor.packing.output import OUTPUT_FORMS, Output
from extractor.policy import SamplingPolicy
from extractor.terminal import printable

_EPILOG = """\
Each video gets a folder of its own, DIR/<name of the file without its ending>/, with the frames
and a manifest.json that lists each with its true time. By default there is one frame for each second.

exit status:
  0    every video gave its frames
  1    at least one did not; its reason code is on stderr
  2    wrong usage
  130  interrupted; the videos reported until then are complete

example:
  python -m extractor holiday.mp4 --out frames --interval 0.5 --format webp
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["unpack"]:
        return unpack(arguments[1:])
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        policy = VideoMessage.model_validate({"code": "local", **asked_for(options)}).applied_to(
            SamplingPolicy()
        )
        tools = replace(
            local_toolbox(os.environ.get("FFMPEG_BINARY") or None),
            output=Output(options.output, options.storyboard),
        )
    except ValidationError as error:
        parser.error("; ".join(item["msg"] for item in error.errors()))
    except (ValueError, ExtractorError) as error:
        parser.error(str(error))
    try:
        folders = zip(options.videos, folder_names(options.videos), strict=True)
        succeeded = [_extract(video, options.out / name, policy, tools) for video, name in folders]
    except KeyboardInterrupt:
        print("interrupted; the videos reported above are complete", file=sys.stderr)
        return 130
    return 0 if all(succeeded) else 1


def folder_names(videos: Sequence[Path]) -> list[str]:
    """A folder name for each video, all different: its stem, or where that is taken its whole name,
    or that with a number."""
    names: list[str] = []
    for video in videos:
        numbered = (f"{video.name}-{number}" for number in count(2))
        names.append(next(name for name in chain((video.stem, video.name), numbered) if name not in names))
    return names


def _extract(video: Path, folder: Path, policy: SamplingPolicy, tools: Toolbox) -> bool:
    try:
        with _progress_bar(video) as progress:
            manifest = extract_to_folder(video, folder, policy, tools, progress)
    except ExtractorError as error:
        print(f"{printable(str(video))}: {reason_of(error)}: {error}", file=sys.stderr)
        return False
    print(f"{printable(str(video))}: {_summary(manifest)} -> {printable(str(folder))}")
    return True


def _summary(manifest: Manifest) -> str:
    frames, video = len(manifest.frames), manifest.video
    notes = f", {manifest.decode_errors} damaged frames" if manifest.decode_errors else ""
    return f"{frames} frame{'s' * (frames != 1)} of {video.duration_seconds:.2f} s{notes}"


@contextmanager
def _progress_bar(video: Path) -> Iterator[Progress]:
    """A bar of the seconds done, on a terminal only, for videos that take longer than a second."""
    from tqdm import tqdm

    bar_format = "{desc} {percentage:3.0f}%|{bar}| {n:.0f} of {total:.0f} s of video, {remaining} left"
    with tqdm(
        desc=printable(video.name),
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m extractor",
        description="Extract frames of video files into folders.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("videos", metavar="VIDEO", nargs="+", type=Path, help="a video file")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="where the folders of frames go"
    )
    parser.add_argument(
        "--output",
        choices=OUTPUT_FORMS,
        default="frames",
        help="a file for each frame, or one tar of them all (see: python -m extractor unpack --help)",
    )
    parser.add_argument(
        "--storyboard", action="store_true", help="add a contact sheet, and a track of thumbnails for players"
    )
    add_sampling_options(parser, with_timestamps=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
