"""Plot the comparison: the warm CPU time of every tool relative to the baseline, by file."""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from statistics import fmean

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.support.series import Series
from benchmarks.support.tools import TOOLS, Tool

_PALETTE = (
    *("#0b6e4f", "#3a3a3a", "#d1495b", "#edae49", "#7768ae", "#00798c"),
    *("#66a182", "#9aa5b1", "#c08552", "#b6d7c2"),
)
_COLOURS = dict(zip((tool.name for tool in TOOLS), cycle(_PALETTE), strict=False))
_MEAN = "mean"


def draw(series: Sequence[Series], path: Path) -> None:
    """Draw one panel per series, one above the other."""
    mpl.rcParams.update({"svg.hashsalt": "benchmark", "svg.fonttype": "none", "font.size": 9})
    width = max(13, max(len(one.videos) for one in series))
    figure = Figure(figsize=(width, 3.8 * len(series)), layout="constrained", facecolor="white")
    panels = figure.subplots(len(series), squeeze=False)[:, 0]
    for panel, one in zip(panels, series, strict=True):
        _draw_panel(panel, one)
    figure.savefig(path, metadata={"Date": None})


def _draw_panel(panel: "mpl.axes.Axes", series: Series) -> None:
    tools = [tool for tool in series.kind.tools if series.ratios(tool)]
    groups = [*(video.name for video in series.videos), _MEAN]
    width = 0.84 / max(1, len(tools))
    for place, tool in enumerate(tools):
        left = [group - 0.42 + width * (place + 0.5) for group in range(len(groups))]
        heights = _heights(series, tool)
        bars = panel.bar(left, heights, width * 0.92, label=tool.name, color=_COLOURS[tool.name])
        labels = [f"{height:.2f}" if height else "" for height in heights]
        panel.bar_label(bars, labels, fontsize=7, rotation=90, padding=2)
    panel.axhline(1, color="#3a3a3a", linewidth=0.8, linestyle=":")
    panel.set_title(series.kind.title, loc="left", fontweight="bold")
    panel.set_ylabel(f"warm CPU relative to\n{series.kind.baseline.name}")
    panel.set_xticks(range(len(groups)), groups, rotation=20, ha="right")
    panel.margins(x=0.01, y=0.12)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))


def _heights(series: Series, tool: Tool) -> list[float]:
    """Return the heights of the bars; there is none without a measurement."""
    ratios = series.ratios(tool)
    return [*(ratios.get(video.name, 0.0) for video in series.videos), fmean(ratios.values())]
