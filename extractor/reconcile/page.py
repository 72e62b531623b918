"""The survey as one HTML page: no script, nothing from the network, readable on a telephone and in the dark.

Whatever comes from a table, a manifest or a video is escaped by the template engine.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from msgspec import Struct

from extractor.reconcile.gallery import Strip
from extractor.reconcile.statistics import Bar, Statistics, bars, histogram, throughput

_TEMPLATES = Path(__file__).with_name("templates")
_FAILED = "failed: "


class Page(Struct, frozen=True):
    """All that it shows. `findings` counts by kind, `places` says what was looked at."""

    statistics: Statistics
    findings: Mapping[str, int]
    strips: Sequence[Strip]
    places: Mapping[str, str]
    moment: datetime
    memory_mb: int

    @property
    def cost_usd(self) -> float:
        return self.statistics.cost_usd(self.memory_mb)

    @property
    def outcomes(self) -> list[Bar]:
        """The failed ones together."""
        counts: dict[str, int] = {}
        for name, count in self.statistics.outcomes.most_common():
            name = "failed" if name.startswith(_FAILED) else name
            counts[name] = counts.get(name, 0) + count
        return bars(dict(sorted(counts.items(), key=lambda item: -item[1])))

    @property
    def reasons(self) -> list[Bar]:
        """Why videos failed, the most frequent first."""
        failed = self.statistics.outcomes.most_common()
        return bars({name.removeprefix(_FAILED): count for name, count in failed if name.startswith(_FAILED)})

    @property
    def histogram(self) -> list[Bar]:
        return histogram(self.statistics.frames_per_video)

    @property
    def throughput(self) -> tuple[str, list[Bar]]:
        return throughput(self.statistics.hours)


def render(page: Page) -> str:
    """The page as text."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(size=_size, duration=_duration, number=_number, dollars=_dollars)
    return environment.get_template("report.html.j2").render(page=page)


def _number(value: int) -> str:
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _size(size_bytes: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size_bytes < 1000 or unit == "TB":
            break
        size_bytes /= 1000
    return f"{size_bytes:.0f} {unit}" if unit == "bytes" else f"{size_bytes:.1f} {unit}"


def _duration(seconds: float) -> str:
    """2.34 is ``2.3 s``, 90 is ``1:30 min``, 7260 is ``2:01 h``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{_number(minutes // 60)}:{minutes % 60:02d} h"


def _dollars(amount: float) -> str:
    return f"${amount:.2f}" if amount >= 1 else f"${amount:.4f}"
