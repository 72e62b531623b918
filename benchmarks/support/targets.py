"""Compare measurements with their targets. Pure: no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, geometric_mean

from benchmarks.support.results import Cost
from benchmarks.support.series import Series

SMALL_FILE_BYTES = 80_000
FLOOR_LIMIT = 1.10
"""The target of the mean of warm CPU relative to the floor."""
JOBS_LIMIT = 1.8
"""The target of the throughput of two jobs relative to one, on two processors."""


@dataclass(frozen=True, slots=True)
class Target:
    """A target and what was measured. The arithmetic mean is compared with the limit."""

    text: str
    limit: float
    measured: float
    geometric: float | None = None
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the target is met, as both numbers are printed."""
        measured = round(self.measured, 2)
        return measured >= self.limit if self.at_least else measured <= self.limit


def targets_of(series: Series) -> list[Target]:
    """Return the targets of a series for which there are measurements."""
    kind, found = series.kind, []
    for tool in kind.tools:
        if (limit := kind.limits.get(tool.name)) and (ratios := series.ratios(tool)):
            text = f"{kind.title}: {tool.name}, warm ÷ `{kind.baseline.name}`, mean"
            found.append(_mean_target(text, limit, ratios))
    if kind.worst and (ratios := series.ratios(series.project)):
        sizes = {video.name: video.size_bytes for video in series.videos}
        for is_small, limit in zip((False, True), kind.worst, strict=True):
            some = {name: it for name, it in ratios.items() if (sizes[name] < SMALL_FILE_BYTES) == is_small}
            if some:
                name = max(some, key=some.__getitem__)
                which = f" under {SMALL_FILE_BYTES // 1000} kB" if is_small else ""
                text = f"{kind.title}: warm ÷ `{kind.baseline.name}`, worst file{which} ({name})"
                found.append(Target(text, limit, some[name]))
    if ratios := series.floor_ratios(series.project):
        found.append(_mean_target(f"{kind.title}: warm ÷ floor, mean", FLOOR_LIMIT, ratios))
    return found


def jobs_target(costs: Mapping[int, Cost]) -> Target:
    """Return the target of the throughput from the costs by number of jobs."""
    most = max(costs)
    text = f"Throughput of `--jobs {most}` ÷ `--jobs 1`"
    return Target(text, JOBS_LIMIT, costs[1].wall_seconds / costs[most].wall_seconds, at_least=True)


def _mean_target(text: str, limit: float, ratios: Mapping[str, float]) -> Target:
    values = list(ratios.values())
    return Target(text, limit, fmean(values), geometric_mean(values))
