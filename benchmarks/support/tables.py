"""Format measurements as Markdown. Pure: no I/O."""

from collections.abc import Mapping, Sequence
from statistics import fmean, geometric_mean

from benchmarks.support.results import Cost, Failed, Sample, split_cost
from benchmarks.support.series import Series, Video
from benchmarks.support.targets import Target
from benchmarks.support.tools import Tool

_NONE = "–"
_DETAILS = (
    "tool", "frames", "CPU s, warm", "CPU s, whole", "wall s, warm", "wall s, whole", "peak MB",
    "claimed time off by, mean / max ms", "from the sample time, mean / max ms",
)  # fmt: skip
_TOOLS = (
    "tool", "warm: mean", "geometric", "worst", "whole process: mean", "geometric", "worst",
    "claimed time off by, mean / max ms", "files",
)  # fmt: skip
_SPLIT = (
    "file", "runs of FFmpeg", "starts", "listing", "decoding", "filters, encoder, rest", "Python",
    "warm in all", "floor", "warm ÷ floor",
)  # fmt: skip


def render_targets(targets: Sequence[Target]) -> str:
    rows = [
        [
            target.text,
            f"{'≥' if target.at_least else '≤'} {target.limit:.2f}",
            f"{target.measured:.2f}",
            _number(target.geometric),
            "yes" if target.is_met else "**no**",
        ]
        for target in targets
    ]
    return render_table(["", "target", "measured", "geometric mean", "met"], rows)


def render_series(series: Series) -> str:
    """Render the tables of a kind over all files: by tool, by file, and where the CPU seconds go."""
    parts = [
        f"## {series.kind.title}",
        f"CPU seconds relative to `{series.kind.baseline.name}`; lower is better.",
        _by_tool(series),
        "The same by file, warm, unless another column is named:",
        _by_video(series),
    ]
    if series.floors:
        parts += ["Where the CPU seconds of this project go, warm:", _splits(series)]
    return "\n\n".join(parts)


def render_jobs(costs: Mapping[int, Cost], count: int) -> str:
    one = costs[1].wall_seconds
    rows = [
        [
            str(jobs),
            f"{cost.wall_seconds:.2f}",
            f"{cost.cpu_seconds:.2f}",
            f"{cost.cpu_seconds / cost.wall_seconds:.2f}",
            f"{one / cost.wall_seconds:.2f}",
        ]
        for jobs, cost in costs.items()
    ]
    return "\n\n".join(
        [
            "## Several files at a time",
            f"`python -m extractor --jobs N` for all {count} files in one command, a frame every 1 s.",
            render_table(["--jobs", "wall s", "CPU s", "processors in use", "throughput"], rows),
        ]
    )


def render_videos(videos: Sequence[Video]) -> str:
    rows = [
        [video.name, f"{video.size_bytes / 1000:.0f}", video.facts, video.origin or _NONE] for video in videos
    ]
    return render_table(["file", "kB", "video", "origin"], rows)


def render_details(video: Video, all_series: Sequence[Series]) -> str:
    """Render the one table of a file: all kinds and tools."""
    rows = [
        [f"{series.kind.title}: {tool.name}", *_detail_cells(series, video, tool)]
        for series in all_series
        for tool in series.kind.tools
    ]
    return f"### {video.name}\n\n{render_table(_DETAILS, rows)}"


def _by_tool(series: Series) -> str:
    return render_table(_TOOLS, [[tool.name, *_tool_cells(series, tool)] for tool in series.kind.tools])


def _tool_cells(series: Series, tool: Tool) -> list[str]:
    results = [series.result(video, tool) for video in series.videos]
    samples = [result for result in results if isinstance(result, Sample)]
    if not samples:
        reasons = {result.reason for result in results if isinstance(result, Failed)}
        return [", ".join(sorted(reasons)), *[""] * (len(_TOOLS) - 2)]
    means = [it.exactness.mean_claim for it in samples if it.exactness.mean_claim is not None]
    most = [it.exactness.max_claim for it in samples if it.exactness.max_claim is not None]
    return [
        *_means(series.ratios(tool)),
        *_means(series.ratios(tool, whole=True)),
        _pair(fmean(means) if means else None, max(most, default=None)),
        f"{len(samples)} of {len(results)}",
    ]


def _means(ratios: Mapping[str, float]) -> tuple[str, str, str]:
    values = list(ratios.values())
    if not values:
        return _NONE, _NONE, _NONE
    return _number(fmean(values)), _number(geometric_mean(values)), _number(max(values))


def _by_video(series: Series) -> str:
    project, others = series.project, [tool for tool in series.kind.tools if tool != series.project]
    floor = ["floor", "warm ÷ floor"] if series.floors else []
    heads = ["file", project.name, "whole process", *floor, *(tool.name for tool in others)]
    return render_table(heads, [_video_row(series, video, others) for video in series.videos])


def _video_row(series: Series, video: Video, others: Sequence[Tool]) -> list[str]:
    floor = []
    if series.floors:
        baseline, bare = series.result(video, series.kind.baseline), series.floors.get(video.name)
        known = isinstance(baseline, Sample) and bare is not None
        ratio = bare.images.cpu_seconds / baseline.warm.cpu_seconds if known else None  # type: ignore[union-attr]
        floor = [_number(ratio), _number(series.floor_ratio(video, series.project))]
    return [
        video.name,
        _ratio_cell(series, video, series.project),
        _number(series.ratio(video, series.project, whole=True)),
        *floor,
        *(_ratio_cell(series, video, tool) for tool in others),
    ]


def _ratio_cell(series: Series, video: Video, tool: Tool) -> str:
    result = series.result(video, tool)
    return result.reason if isinstance(result, Failed) else _number(series.ratio(video, tool))


def _splits(series: Series) -> str:
    return render_table(_SPLIT, [[video.name, *_split_cells(series, video)] for video in series.videos])


def _split_cells(series: Series, video: Video) -> list[str]:
    result, floor = series.result(video, series.project), series.floors.get(video.name)
    if isinstance(result, Failed) or floor is None or (split := split_cost(result, floor)) is None:
        return [_NONE] * (len(_SPLIT) - 1)
    seconds = (split.starts, split.listing, split.decoding, split.rest, split.python)
    return [
        str(split.start_count),
        *(f"{value:.3f}" for value in (*seconds, result.warm.cpu_seconds, floor.images.cpu_seconds)),
        _number(series.floor_ratio(video, series.project)),
    ]


def _detail_cells(series: Series, video: Video, tool: Tool) -> list[str]:
    result = series.result(video, tool)
    if isinstance(result, Failed):
        return [result.reason, *[""] * (len(_DETAILS) - 2)]
    exact = result.exactness
    return [
        str(result.frames),
        f"{result.warm.cpu_seconds:.2f}",
        f"{result.whole.cpu_seconds:.2f}",
        f"{result.warm.wall_seconds:.2f}",
        f"{result.whole.wall_seconds:.2f}",
        f"{result.peak_megabytes:.0f}",
        _pair(exact.mean_claim, exact.max_claim),
        _pair(exact.mean_sample_time, exact.max_sample_time),
    ]


def _pair(mean: float | None, most: float | None) -> str:
    return _NONE if mean is None or most is None else f"{mean * 1000:.0f} / {most * 1000:.0f}"


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.2f}"


def render_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with the first column aligned left and the others right."""
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))
