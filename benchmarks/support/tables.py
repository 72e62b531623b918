"""Format measurements as Markdown. Pure: no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

from benchmarks.support.measure import Failed, Result, Sample, Task
from benchmarks.support.tools import Tool

_DETAILS = (
    "tool", "frames", "CPU s", "wall s", "peak MB",
    "claimed time off by, mean / max ms", "from the sample time, mean / max ms",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Series:
    """All tools on all clips at one interval; `results` by clip and tool."""

    title: str
    tasks: Sequence[Task]
    tools: Sequence[Tool]
    baseline: Tool
    results: Mapping[tuple[str, str], Result]

    def ratio(self, task: Task, tool: Tool) -> float | None:
        """Return the tool's CPU seconds relative to the baseline."""
        ours, theirs = (self.results[task.name, name] for name in (tool.name, self.baseline.name))
        if isinstance(ours, Failed) or isinstance(theirs, Failed):
            return None
        return ours.cpu_seconds / theirs.cpu_seconds

    def mean_ratio(self, tool: Tool) -> float | None:
        """Return the geometric mean over the clips that both tool and baseline can process."""
        logs = [log(ratio) for task in self.tasks if (ratio := self.ratio(task, tool)) is not None]
        return exp(sum(logs) / len(logs)) if logs else None


def render_series(series: Series) -> str:
    parts = [
        f"## {series.title}",
        f"CPU seconds relative to `{series.baseline.name}`; lower is better.",
        _ratios(series),
    ]
    parts += [_details(series, task) for task in series.tasks]
    return "\n\n".join(parts)


def _ratios(series: Series) -> str:
    rows = [[task.name, *(_ratio_cell(series, task, tool) for tool in series.tools)] for task in series.tasks]
    means = [_number(series.mean_ratio(tool)) for tool in series.tools]
    rows.append(["**geometric mean**", *(f"**{mean}**" for mean in means)])
    return render_table(["clip", *(tool.name for tool in series.tools)], rows)


def _ratio_cell(series: Series, task: Task, tool: Tool) -> str:
    result = series.results[task.name, tool.name]
    return result.reason if isinstance(result, Failed) else _number(series.ratio(task, tool))


def _details(series: Series, task: Task) -> str:
    rows = [_detail_row(tool, series.results[task.name, tool.name]) for tool in series.tools]
    facts = f"{len(task.truth.seconds)} frames, the last at {task.truth.duration_seconds:.2f} s"
    return f"### {task.name}: {facts}\n\n{render_table(_DETAILS, rows)}"


def _detail_row(tool: Tool, result: Result) -> list[str]:
    if isinstance(result, Failed):
        return [tool.name, result.reason, *[""] * (len(_DETAILS) - 2)]
    return [
        tool.name,
        str(result.frames),
        f"{result.cpu_seconds:.2f}",
        f"{result.wall_seconds:.2f}",
        f"{result.peak_megabytes:.0f}",
        *_times(result),
    ]


def _times(sample: Sample) -> tuple[str, str]:
    exact = sample.exactness
    return _pair(exact.mean_claim, exact.max_claim), _pair(exact.mean_sample_time, exact.max_sample_time)


def _pair(mean: float | None, most: float | None) -> str:
    return "–" if mean is None or most is None else f"{mean * 1000:.0f} / {most * 1000:.0f}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def render_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with the first column aligned left and the others right."""
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))
