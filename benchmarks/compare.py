"""`python -m benchmarks.compare`: compare tools that extract one frame per interval, on the same clips.

Writes ``compare.md`` and ``compare.svg``. The tools run alternately, so that a slow period of the machine
affects all of them.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tqdm import tqdm

from benchmarks.support.clips import CLIPS, ROOT, ensure
from benchmarks.support.environment import describe_machine, describe_versions
from benchmarks.support.ground_truth import read_truth
from benchmarks.support.measure import Failed, Result, Task, measure, middle
from benchmarks.support.plot import draw
from benchmarks.support.tables import Series, render_series
from benchmarks.support.tools import BASELINE, FRAME_TOOLS, SCENE_TOOLS, TWO_PASSES, Tool
from extractor.pipeline.local_input import folder_names

_METHOD = """\
Medians of {repeat} runs, the tools taking turns. Every run has a process of its own; its clock starts
after interpreter start and imports. CPU is user and system time of that process and of all that it starts;
peak memory is that of Python and FFmpeg together. Images are JPEGs on disk of quality 95 on libjpeg's
scale, which is `-q:v 1` in FFmpeg; those of "PySceneDetect, then OpenCV" are WebP of quality 95. The true
time of an image is found by looking it up, by its content, in a full decode. A geometric mean is over the
clips that the tool can do."""


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    given = dict(zip(folder_names(options.videos), options.videos, strict=True))
    videos = given or {clip.name: ensure(clip) for clip in CLIPS}
    truths = {
        name: read_truth(path) for name, path in tqdm(videos.items(), desc="decoding for the true times")
    }
    frames = [
        _series(
            f"One frame every {interval:g} s",
            [Task(name, path, truths[name], interval) for name, path in videos.items()],
            FRAME_TOOLS,
            BASELINE,
            options.repeat,
        )
        for interval in options.interval
    ]
    title = f"Scenes, and a frame every {frames[0].tasks[0].interval:g} s"
    scenes = _series(title, frames[0].tasks, SCENE_TOOLS, TWO_PASSES, options.repeat)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "compare.md").write_text(_render([*frames, scenes], options.repeat), encoding="utf-8")
    draw([*frames, scenes], options.out / "compare.svg")
    print(f"wrote {options.out / 'compare.md'} and compare.svg", file=sys.stderr)
    return 0


def _series(title: str, tasks: Sequence[Task], tools: Sequence[Tool], baseline: Tool, repeat: int) -> Series:
    runs: dict[tuple[str, str], list[Result]] = {
        (task.name, tool.name): [] for task in tasks for tool in tools
    }
    turns = [(task, tool, turn) for task in tasks for turn in range(repeat) for tool in tools]
    for task, tool, turn in tqdm(turns, desc=title):
        results = runs[task.name, tool.name]
        if not any(isinstance(result, Failed) for result in results):
            results.append(measure(tool, task, with_times=turn == 0))
    return Series(title, tasks, tools, baseline, {key: middle(results) for key, results in runs.items()})


def _render(series: Iterable[Series], repeat: int) -> str:
    packages = [tool.package for tool in (*FRAME_TOOLS, *SCENE_TOOLS) if tool.package]
    return "\n\n".join(
        [
            "# Frames from videos, compared",
            f"{describe_machine()}. {describe_versions(packages)}.",
            _METHOD.format(repeat=repeat),
            *(render_series(one) for one in series),
            "",
        ]
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument(
        "videos", metavar="VIDEO", nargs="*", type=_file, help="a video file (default: generated clips)"
    )
    parser.add_argument(
        "--interval",
        type=_intervals,
        default=(1.0, 5.0),
        metavar="S,S",
        help="seconds between frames (default: 1,5)",
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


def _intervals(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
