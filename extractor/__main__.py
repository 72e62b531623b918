"""`python -m extractor`: extract frames of video files, local or remote, into local folders."""

from extractor.cli.startup import gc_frozen

with gc_frozen():
    import argparse
    import os
    import sys
    from collections.abc import Sequence
    from typing import get_args

    from msgspec.structs import replace

    from extractor.cli.sampling_options import add_sampling_options, asked_for
    from extractor.cli.terminal import (
        complain,
        interruption,
        path_argument,
        program,
        run_command,
    )
    from extractor.cli.video_argument import video_argument
    from extractor.domain.fetch_mode import FetchMode
    from extractor.domain.option_checks import NoEffectError, with_options
    from extractor.domain.output_options import AUDIO_FORMS, WRITERS, OutputOptions
    from extractor.domain.policy import SamplingPolicy
    from extractor.errors import ExtractorError

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

examples:
  python -m extractor holiday.mp4 --out frames --interval 0.5 --format webp
  python -m extractor s3://oriane-videos/DI5RZbSTV-t.mp4 --out frames --timestamps 12.5
  python -m extractor frame --help  (one frame, to a file or to standard output)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["unpack"]:
        from extractor.cli.unpack import unpack

        return run_command(lambda: unpack(arguments[1:]))
    if arguments[:1] == ["frame"]:
        from extractor.cli.frame import frame

        return run_command(lambda: frame(arguments[1:], os.environ))
    return run_command(lambda: _run(arguments))


def _run(arguments: Sequence[str]) -> int:
    parser = build_parser()
    options = parser.parse_args(arguments)
    with gc_frozen():  # --help and wrong usage do without these imports, which take most of the start
        from extractor.cli.extract_videos import VideoTask, extract_videos
        from extractor.media.ffmpeg.threads import available_cpus
        from extractor.pipeline.local import local_config, require_extras
        from extractor.pipeline.local_input import folder_names
        from extractor.pipeline.remote_video import RemoteVideo, S3Video

    jobs = min(options.jobs or max(1, int(available_cpus())), len(options.videos))
    try:
        policy = with_options(SamplingPolicy(), asked_for(options))
        output = OutputOptions(options.output, options.storyboard, options.audio)
        require_extras(policy, output)
        config = local_config(os.environ.get("FFMPEG_BINARY", "").strip() or None, jobs)
    except NoEffectError as error:
        parser.error(error.told(lambda option: option.flag))
    except (ValueError, ExtractorError, ModuleNotFoundError) as error:
        parser.error(str(error))
    names = folder_names(
        [video.path if isinstance(video, RemoteVideo) else video for video in options.videos]
    )
    tasks = [
        VideoTask(
            replace(video, fetch=options.fetch) if isinstance(video, RemoteVideo) else video,
            options.out / name,
        )
        for video, name in zip(options.videos, names, strict=True)
    ]
    if any(isinstance(video, S3Video) for video in options.videos):
        from extractor.cli.environment import load_dotenv_defaults

        load_dotenv_defaults(os.environ)
    try:
        return 0 if extract_videos(tasks, policy, replace(config, output=output), jobs) else 1
    except KeyboardInterrupt as error:
        what, status = interruption(error)
        complain(f"{what}; the videos reported above are complete")
        return status


def _jobs(text: str) -> int:
    """A number of videos at a time. Raises `argparse.ArgumentTypeError`."""
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)


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
        type=video_argument,
        help="a video file or a pipe; - is standard input; s3://BUCKET/KEY is an object in S3, read with the "
        "usual AWS settings; https://HOST/PATH is a file that is public or has a presigned address",
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
    parser.add_argument(
        "--audio",
        choices=AUDIO_FORMS,
        help="add the audio track: as it is, or converted to 16 kHz and one channel (default: no)",
    )
    parser.add_argument(
        "--fetch",
        choices=get_args(FetchMode),
        default="auto",
        help="of a video in S3 or at an https address, fetch all, or of MP4 and MOV the bytes that are "
        "needed; auto: the latter if it pays (default: auto)",
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=_jobs,
        help="extract N videos at a time (default: the number of processors)",
    )
    add_sampling_options(parser, defaults=SamplingPolicy())
    return parser


if __name__ == "__main__":
    sys.exit(main())
