"""Plot the comparison: the CPU time of every tool relative to the baseline, by clip."""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.support.tables import Series
from benchmarks.support.tools import FRAME_TOOLS, SCENE_TOOLS, Tool

_PALETTE = (
    *("#0b6e4f", "#66a182", "#b6d7c2", "#3a3a3a", "#d1495b"),
    *("#edae49", "#7768ae", "#9aa5b1", "#00798c", "#c08552"),
)
_COLOURS = dict(zip((tool.name for tool in (*FRAME_TOOLS, *SCENE_TOOLS)), cycle(_PALETTE), strict=False))
_MEAN = "geometric mean"


def draw(series: Sequence[Series], path: Path) -> None:
    """Draw one panel per series, one above the other."""
    mpl.rcParams.update({"svg.hashsalt": "benchmark", "svg.fonttype": "none", "font.size": 9})
    figure = Figure(figsize=(13, 3.8 * len(series)), layout="constrained", facecolor="white")
    panels = figure.subplots(len(series), squeeze=False)[:, 0]
    for panel, one in zip(panels, series, strict=True):
        _draw_panel(panel, one)
    figure.savefig(path, metadata={"Date": None})


def _draw_panel(panel: "mpl.axes.Axes", series: Series) -> None:
    tools = [tool for tool in series.tools if series.mean_ratio(tool) is not None]
    groups = [*(task.name for task in series.tasks), _MEAN]
    width = 0.84 / max(1, len(tools))
    for place, tool in enumerate(tools):
        left = [group - 0.42 + width * (place + 0.5) for group in range(len(groups))]
        heights = _heights(series, tool)
        bars = panel.bar(left, heights, width * 0.92, label=tool.name, color=_COLOURS[tool.name])
        panel.bar_label(
            bars,
            [f"{height:.2f}" if height else "" for height in heights],
            fontsize=7,
            rotation=90,
            padding=2,
        )
    panel.axhline(1, color="#3a3a3a", linewidth=0.8, linestyle=":")
    panel.set_title(series.title, loc="left", fontweight="bold")
    panel.set_ylabel(f"CPU relative to\n{series.baseline.name}")
    panel.set_xticks(range(len(groups)), groups)
    panel.margins(x=0.01, y=0.12)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))


def _heights(series: Series, tool: Tool) -> list[float]:
    """Return the heights of the bars; there is none without a measurement."""
    return [*(series.ratio(task, tool) or 0.0 for task in series.tasks), series.mean_ratio(tool) or 0.0]
