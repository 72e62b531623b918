"""Statistics of a scan: outcomes, frames per video, throughput, cost, slowest videos.

Pure, except for reading the snapshot once; memory use does not depend on the number of videos.
"""

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, count

from msgspec import Struct, field

from extractor.backends.state.base import InventoryRow
from extractor.domain.costs import Workload, cost_per_video
from extractor.reconcile.content_check import stable_hash
from extractor.reconcile.observations import FolderState
from extractor.reconcile.outcomes import failure_reason, outcome

_Ranked = tuple[float, str, FolderState]

_CODES = 20  # shown per group
_SLOWEST = 10
_BARS = 24  # maximum of a histogram
_HOURS, _DAYS = 72, 90  # maximum of a throughput chart


class Bar(Struct, frozen=True):
    """A bar of a chart; `share` is its height relative to the highest bar."""

    label: str
    count: int
    share: float


class Group(Struct):
    """Videos with the same problem: their number, and the first codes."""

    count: int = 0
    codes: list[str] = field(default_factory=list)

    def add(self, code: str) -> None:
        self.count += 1
        if len(self.codes) < _CODES:
            self.codes.append(code)


class Chart(Struct, frozen=True):
    """A bar chart.

    Attributes:
        bars: The bars.
        across: The label of the horizontal axis.
        up: The label of the vertical axis.
    """

    bars: Sequence[Bar]
    across: str
    up: str

    @property
    def top(self) -> int:
        """The end of the vertical axis: the next round number (1, 2, 4, 6, 8, 10, 12, 16, 20 …)."""
        most = max((bar.count for bar in self.bars), default=1)
        larger = (step * int(10**power) for power in count() for step in (10, 12, 16, 20, 24, 30, 40, 60, 80))
        return next(step for step in chain((1, 2, 4, 6, 8), larger) if step >= most)

    @property
    def marks(self) -> list[int]:
        """The labels of the vertical axis, from the top."""
        return [self.top, self.top // 2, 0] if self.top % 2 == 0 else [self.top, 0]

    @property
    def labelled(self) -> list[int]:
        """The bars with a label: the first, one in the middle, and the last."""
        last = len(self.bars) - 1
        return sorted({0, last} | ({last // 2} if last >= 4 else set()))


class Statistics(Struct):
    """Sums over all videos with a manifest.

    Attributes:
        outcomes: The number of rows by outcome.
        failed: Videos with a final failure, by reason.
        hours: The number of extracted videos by hour.
        frames_per_video: The number of videos by number of frames.
        slowest: The videos with the longest run time.
        sample: The videos to show with thumbnails.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    failed: dict[str, Group] = field(default_factory=dict)
    hours: Counter[datetime] = field(default_factory=Counter)
    frames_per_video: Counter[int] = field(default_factory=Counter)
    videos: int = 0
    frames: int = 0
    frame_bytes: int = 0
    video_seconds: float = 0.0
    work_seconds: float = 0.0
    slowest: Sequence[FolderState] = ()
    sample: Sequence[FolderState] = ()

    @property
    def rows(self) -> int:
        return self.outcomes.total()

    def cost_usd(self, memory_mb: int) -> float:
        """Return the estimated cost of all these videos at list prices; see `extractor.domain.costs`."""
        if not self.videos:
            return 0.0
        workload = Workload(
            seconds_per_video=self.work_seconds / self.videos,
            memory_mb=memory_mb,
            frames_per_video=self.frames / self.videos,
        )
        return cost_per_video(workload).total * self.videos


def gather(rows: Iterable[InventoryRow], folders: Iterable[FolderState], sample: int) -> Statistics:
    """Compute the statistics.

    Args:
        rows: All rows.
        folders: All folders.
        sample: The number of videos to show, which are the same each time.
    """
    found = Statistics()
    for row in rows:
        found.outcomes[outcome(row)] += 1
        if reason := failure_reason(row):
            found.failed.setdefault(reason, Group()).add(row.code)
        if row.is_extracted and row.extracted_at:
            found.hours[row.extracted_at.replace(minute=0, second=0, microsecond=0)] += 1
    slowest: list[_Ranked] = []
    chosen: list[_Ranked] = []
    for folder in folders:
        if folder.manifest in ("in place", "elsewhere"):
            _add(found, folder)
            _keep(slowest, (folder.work_seconds, folder.prefix, folder), _SLOWEST)
            if folder.manifest == "in place":
                _keep(chosen, (-stable_hash(folder.prefix), folder.prefix, folder), sample)
    found.slowest = [folder for _, _, folder in sorted(slowest, reverse=True)]
    found.sample = [folder for _, _, folder in sorted(chosen, reverse=True)]
    return found


def _add(found: Statistics, folder: FolderState) -> None:
    found.videos += 1
    found.frames += folder.frame_count
    found.frame_bytes += folder.size_bytes
    found.video_seconds += folder.video_seconds
    found.work_seconds += folder.work_seconds
    found.frames_per_video[folder.frame_count] += 1


def _keep(heap: list[_Ranked], item: _Ranked, most: int) -> None:
    """Keep the `most` greatest items."""
    heapq.heappush(heap, item)
    if len(heap) > most:
        heapq.heappop(heap)


def bars(counts: Mapping[str, int]) -> list[Bar]:
    """Return a bar per name, in the order of `counts`."""
    highest = max(counts.values(), default=1)
    return [Bar(name, number, number / highest) for name, number in counts.items()]


def histogram(values: Mapping[int, int]) -> list[Bar]:
    """Return the number of videos by number of frames, in ranges of equal width."""
    if not values:
        return []
    least, most = min(values), max(values)
    width = math.ceil((most - least + 1) / _BARS)
    counts = dict.fromkeys(range(least, most + 1, width), 0)
    for value, videos in values.items():
        counts[least + (value - least) // width * width] += videos
    return bars({_range(start, start + width - 1): videos for start, videos in counts.items()})


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


def throughput(hours: Mapping[datetime, int]) -> tuple[str, list[Bar]]:
    """Return the unit of time and a bar per unit: hours if all are within the last hours, otherwise days."""
    if not hours:
        return "hour", []
    last, first = max(hours), min(hours)
    if last - first < timedelta(hours=_HOURS):
        return "hour", bars({f"{one:%d %b %H:00}": hours.get(one, 0) for one in _steps(first, last, 1)})
    days: Counter[datetime] = Counter()
    for hour, videos in hours.items():
        days[hour.replace(hour=0)] += videos
    end = last.replace(hour=0)
    start = max(first.replace(hour=0), end - timedelta(days=_DAYS - 1))
    return "day", bars({f"{one:%d %b %Y}": days[one] for one in _steps(start, end, 24)})


def _steps(first: datetime, last: datetime, hours: int) -> Iterator[datetime]:
    while first <= last:
        yield first
        first += timedelta(hours=hours)
