"""Render the scan as one HTML page without external resources, for any screen size and colour scheme.

The page's content security policy allows only its own script, which filters the lists. The template engine
escapes all values from the table, the manifests and the videos.
"""

import base64
import hashlib
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Struct

from extractor.reconcile.report.statistics import Bar, Chart, Group, Statistics, bars, histogram, throughput
from extractor.reconcile.report.thumbnails import FilmStrip

_TEMPLATES = Path(__file__).with_name("templates")
_FAILED = "failed: "


class Problem(Struct, frozen=True):
    """Videos with the same problem, and the command that repairs it."""

    name: str
    group: Group
    command: str

    @property
    def more(self) -> int:
        """The number of videos whose codes are not shown."""
        return self.group.count - len(self.group.codes)


class ReportPage(Struct, frozen=True):
    """The content of the page.

    Attributes:
        statistics: Counts and sums.
        findings: The findings of `verify` by kind.
        strips: Videos with thumbnails.
        places: The scanned buckets.
        moment: When the page was made.
        memory_mb: The memory of the function, for the cost estimate.
    """

    statistics: Statistics
    findings: Mapping[str, Group]
    strips: Sequence[FilmStrip]
    places: Mapping[str, str]
    moment: datetime
    memory_mb: int

    @property
    def cost_usd(self) -> float:
        return self.statistics.cost_usd(self.memory_mb)

    @property
    def outcomes(self) -> list[Bar]:
        """Rows by outcome, with all failures as one outcome."""
        counts: dict[str, int] = {}
        for name, count in self.statistics.outcomes.most_common():
            name = "failed" if name.startswith(_FAILED) else name
            counts[name] = counts.get(name, 0) + count
        return bars(dict(sorted(counts.items(), key=lambda item: -item[1])))

    @property
    def failures(self) -> list[Problem]:
        """Failed videos by reason, most frequent first."""
        found = sorted(self.statistics.failed.items(), key=lambda item: -item[1].count)
        return [Problem(reason, group, _command("replay", "--reason", reason)) for reason, group in found]

    @property
    def differences(self) -> list[Problem]:
        """Inconsistencies by kind."""
        found = sorted(self.findings.items())
        return [Problem(kind, group, _command("repair", "--only", kind)) for kind, group in found]

    @property
    def charts(self) -> list[tuple[str, Chart]]:
        """Charts with their titles, without empty ones."""
        unit, flow = throughput(self.statistics.hours)
        charts = {
            "Frames per video": Chart(
                histogram(self.statistics.frames_per_video), "frames of a video", "videos"
            ),
            f"Videos extracted per {unit}": Chart(flow, f"{unit} (UTC)", "videos"),
        }
        return [(title, chart) for title, chart in charts.items() if chart.bars]


def _command(*words: str) -> str:
    return shlex.join(["python", "-m", "extractor.reconcile", *words, "--apply"])


def render(page: ReportPage) -> str:
    """Return the page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(size=_size, duration=_duration, number=_number, dollars=_dollars)
    script = (_TEMPLATES / "filter.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = environment.get_template("report.html.j2")
    trusted = Markup(script)  # noqa: S704 - a file of this package  # nosec B704
    return template.render(page=page, script=trusted, script_digest=digest)


def _number(value: int) -> str:
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _size(size_bytes: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size_bytes < 1000 or unit == "TB":
            break
        size_bytes /= 1000
    return f"{size_bytes:.0f} {unit}" if unit == "bytes" else f"{size_bytes:.1f} {unit}"


def _duration(seconds: float) -> str:
    """Format a duration: 2.34 is ``2.3 s``, 90 is ``1:30 min``, 7260 is ``2:01 h``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{_number(minutes // 60)}:{minutes % 60:02d} h"


def _dollars(amount: float) -> str:
    return f"${amount:.2f}" if amount >= 1 else f"${amount:.4f}"
