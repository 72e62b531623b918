"""`python -m benchmarks.compare`: compare tools that extract frames, on the same files.

Writes ``compare.md`` and ``compare.svg``. The tools take turns, so that a slow period of the machine affects
all of them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from benchmarks.real_clips import REAL_CLIPS, ClipUnavailableError, fetch_clip
from benchmarks.support.bytecode import BYTECODE
from benchmarks.support.child import CommandFailedError
from benchmarks.support.clips import CLIPS, ROOT, WARM_UP, ensure
from benchmarks.support.environment import describe_machine, describe_versions
from benchmarks.support.floor import FloorCommands, measure_floor, plan_floor
from benchmarks.support.ground_truth import read_truth
from benchmarks.support.kinds import KEYFRAMES, SCENES, Kind, interval_kind
from benchmarks.support.measure import measure
from benchmarks.support.results import Cost, Failed, Floor, Result, middle, middle_floor
from benchmarks.support.series import Series, Video
from benchmarks.support.tables import (
    render_details,
    render_jobs,
    render_series,
    render_targets,
    render_videos,
)
from benchmarks.support.targets import Target, jobs_target, targets_of
from benchmarks.support.throughput import measure_jobs
from benchmarks.support.tools import TOOLS
from extractor.domain.policy import SamplingPolicy
from extractor.errors import ExtractorError
from extractor.pipeline.local_input import folder_names
from extractor.pipeline.local_probe import VideoInfo, probe

_JOBS = "jobs"
_METHOD = """\
Medians of {repeat} run(s), the tools taking turns. *Warm*: in a process that has extracted another short
video before, from the call to its return. *Whole process*: from the start of the process to its end, imports
included; for this project `python -m extractor FILE`. FFmpeg is a whole process in both. CPU is user and
system time of the process and of all that it starts. Peak memory is that of the warm process and of FFmpeg
together. Images are JPEGs on disk of quality 95 on libjpeg's scale, which is `-q:v 1` in FFmpeg; those of
"PySceneDetect, then OpenCV" are WebP of quality 95. The true time of an image is found by looking it up, by
its content, in a full decode. A mean is arithmetic if it is not called geometric, and over the files that
the tool can do. A dash for the times: the tool gives none, or its pictures are not in the video as it
is shown, since they lie on their side.

*Floor*: what bare FFmpeg takes with one thread if it decodes only the packets that the frames need, and
writes the same images. It is given the plan ready-made, and lists, checks and hashes nothing. *Starts*: the
number of this project's FFmpeg runs, times what FFmpeg takes to open the file and do nothing. *Listing*: its
runs that list packets, less their starts. *Decoding*: a decode of the needed packets without images, less
its start. *Filters, encoder, rest*: what else the run with the images takes; if one pass does it all, the
listing and the decode of the packets that no frame needs are in here. *Python*: the process itself."""


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    os.environ.update(BYTECODE)
    try:
        _compare(options)
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return 130
    except ClipUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _compare(options: argparse.Namespace) -> None:
    kinds = [kind for kind in options.kinds if isinstance(kind, Kind)]
    kinds = [kind.only(options.tools) for kind in kinds] if options.tools else kinds
    videos, left_out = _videos(_files(options))
    series = [_series(kind, videos, options.repeat) for kind in kinds]
    targets = [target for one in series for target in targets_of(one)]
    costs = None
    if _JOBS in options.kinds:
        costs = measure_jobs([video.path for video in videos], options.repeat)
        targets.append(jobs_target(costs))
    options.out.mkdir(parents=True, exist_ok=True)
    page = _render(videos, left_out, series, targets, costs, options.repeat)
    (options.out / "compare.md").write_text(page, encoding="utf-8")
    if series:
        from benchmarks.support.plot import draw

        draw(series, options.out / "compare.svg")
    print(f"wrote {options.out / 'compare.md'}", file=sys.stderr)


def _files(options: argparse.Namespace) -> list[tuple[str, Path, str]]:
    """Return name, path and origin of each file to measure."""
    names = folder_names(options.videos)
    found = [(name, path, "") for name, path in zip(names, options.videos, strict=True)]
    if options.real:
        found += [(Path(clip.name).stem, fetch_clip(clip), clip.origin) for clip in REAL_CLIPS]
    return found or [(clip.name, ensure(clip), "generated") for clip in CLIPS]


def _videos(files: Sequence[tuple[str, Path, str]]) -> tuple[list[Video], list[str]]:
    """Return the videos, and a line for each file that cannot be measured."""
    videos, left_out = [], []
    for name, path, origin in tqdm(files, desc="decoding for the true times"):
        try:
            videos.append(_video(name, path, origin))
        except ExtractorError as error:
            left_out.append(f"{name} ({error.reason})")
        except subprocess.CalledProcessError:
            left_out.append(f"{name} (FFmpeg cannot decode it)")
    return videos, left_out


def _video(name: str, path: Path, origin: str) -> Video:
    return Video(name, path, path.stat().st_size, _facts(probe(path)), origin, read_truth(path))


def _facts(info: VideoInfo) -> str:
    turned = f", turned by {info.rotation_degrees:g}°" if info.rotation_degrees else ""
    return (
        f"{info.codec} {info.width}×{info.height}{turned}, {info.duration_seconds:.1f} s, "
        f"{info.frame_count} frames, {info.keyframe_count} keyframes"
    )


def _series(kind: Kind, videos: Sequence[Video], repeat: int) -> Series:
    warm_up = ensure(WARM_UP)
    results: dict[tuple[str, str], list[Result]] = {(v.name, t.name): [] for v in videos for t in kind.tools}
    floors: dict[str, list[Floor]] = {video.name: [] for video in videos} if kind.strategy else {}
    progress = tqdm(desc=kind.title, total=len(videos) * repeat * (len(kind.tools) + bool(floors)))
    with progress, ExitStack() as stack:
        for video in videos:
            floor = _floor_commands(kind, video, stack)
            for turn in range(repeat):
                for tool in kind.tools:
                    runs = results[video.name, tool.name]
                    if not any(isinstance(result, Failed) for result in runs):
                        truth = None if turn else video.truth
                        runs.append(measure(tool, video.path, kind.interval, warm_up, truth))
                    progress.update()
                if floor:
                    floors[video.name].append(measure_floor(floor))
                progress.update(bool(floors))
    return Series(
        kind,
        videos,
        {key: middle(runs) for key, runs in results.items()},
        {name: middle_floor(runs) for name, runs in floors.items() if runs},
    )


def _floor_commands(kind: Kind, video: Video, stack: ExitStack) -> FloorCommands | None:
    if kind.strategy is None:
        return None
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
    policy = SamplingPolicy(strategy=kind.strategy, interval_seconds=kind.interval)
    try:
        commands = plan_floor(video.path, policy, folder)
        measure_floor(commands)
    except (ExtractorError, CommandFailedError) as error:
        print(f"{video.name}: no floor: {error}", file=sys.stderr)
        return None
    return commands


def _render(
    videos: Sequence[Video],
    left_out: Sequence[str],
    series: Sequence[Series],
    targets: Sequence[Target],
    costs: Mapping[int, Cost] | None,
    repeat: int,
) -> str:
    packages = [*(tool.package for tool in TOOLS if tool.package), "torch"]
    parts = [
        "# Frames from videos, compared",
        f"{describe_machine()}. {describe_versions(packages)}.",
        _METHOD.format(repeat=repeat),
        "## Targets",
        render_targets(targets),
        "## Files",
        render_videos(videos),
        *([f"Left out: {', '.join(left_out)}."] if left_out else []),
        *(render_series(one) for one in series),
        *([render_jobs(costs, len(videos))] if costs else []),
        *_details(videos, series),
        "",
    ]
    return "\n\n".join(parts)


def _details(videos: Sequence[Video], series: Sequence[Series]) -> Iterable[str]:
    if series:
        yield "## Details by file"
    yield from (render_details(video, series) for video in videos if series)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument(
        "videos",
        metavar="VIDEO",
        nargs="*",
        type=_file,
        help="a video file (default without --real: generated clips)",
    )
    parser.add_argument(
        "--real",
        action="store_true",
        help="measure the clips of benchmarks/real_clips.py, which are downloaded at first use",
    )
    parser.add_argument(
        "--kinds",
        type=_kinds,
        default="1,5,keyframes,scenes,jobs",
        metavar="KIND,…",
        help="seconds between frames, keyframes, scenes, jobs (default: 1,5,keyframes,scenes,jobs)",
    )
    parser.add_argument(
        "--tools",
        type=lambda text: text.split(","),
        metavar="NAME,…",
        help="parts of the names of tools to compare with; this project and the baseline are always measured "
        "(default: all)",
    )
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of each (default: 3)")
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "build" / "benchmarks",
        metavar="DIR",
        help="default: build/benchmarks",
    )
    return parser


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text!r}")
    return path


def _kinds(text: str) -> list[Kind | str]:
    return [_kind(part) for part in text.split(",")]


def _kind(text: str) -> Kind | str:
    if text == _JOBS:
        return text
    named = {kind.name: kind for kind in (KEYFRAMES, SCENES)}
    try:
        return named.get(text) or interval_kind(float(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"there is no kind {text!r}") from None


if __name__ == "__main__":
    sys.exit(main())
