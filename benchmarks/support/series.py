"""The measurements of one kind of extraction, and the ratios that follow from them. Pure: no I/O."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.support.kinds import Kind
from benchmarks.support.results import Cost, Failed, Floor, Result, Sample
from benchmarks.support.tools import Tool

if TYPE_CHECKING:
    from benchmarks.support.ground_truth import Truth


@dataclass(frozen=True, slots=True)
class Video:
    """A video to measure. `facts` describe it; `origin` says where it comes from."""

    name: str
    path: Path
    size_bytes: int
    facts: str
    origin: str
    truth: "Truth"


_Pick = Callable[[Sample], Cost]


def _warm(sample: Sample) -> Cost:
    return sample.warm


def _whole(sample: Sample) -> Cost:
    return sample.whole


@dataclass(frozen=True, slots=True)
class Series:
    """All tools of a kind on all videos; `results` by video and tool, `floors` by video."""

    kind: Kind
    videos: Sequence[Video]
    results: Mapping[tuple[str, str], Result]
    floors: Mapping[str, Floor] = field(default_factory=dict)

    def result(self, video: Video, tool: Tool) -> Result:
        return self.results[video.name, tool.name]

    def ratio(self, video: Video, tool: Tool, *, whole: bool = False) -> float | None:
        """Return the tool's CPU seconds relative to the baseline; ``None`` if one of them fails."""
        pick: _Pick = _whole if whole else _warm
        ours, theirs = self.result(video, tool), self.result(video, self.kind.baseline)
        if isinstance(ours, Failed) or isinstance(theirs, Failed):
            return None
        return pick(ours).cpu_seconds / pick(theirs).cpu_seconds

    def ratios(self, tool: Tool, *, whole: bool = False) -> dict[str, float]:
        """Return the ratios by video, without the videos that the tool or the baseline cannot do."""
        return _known(self.videos, partial(self.ratio, tool=tool, whole=whole))

    def floor_ratio(self, video: Video, tool: Tool) -> float | None:
        """Return the tool's warm CPU seconds relative to the floor."""
        result, floor = self.result(video, tool), self.floors.get(video.name)
        if isinstance(result, Failed) or floor is None:
            return None
        return result.warm.cpu_seconds / floor.images.cpu_seconds

    def floor_ratios(self, tool: Tool) -> dict[str, float]:
        """Return the ratios to the floor by video."""
        return _known(self.videos, partial(self.floor_ratio, tool=tool))

    @property
    def project(self) -> Tool:
        """The first tool that is this project."""
        return next(tool for tool in self.kind.tools if tool.flags is not None)


def _known(videos: Sequence[Video], ratio: Callable[[Video], float | None]) -> dict[str, float]:
    return {video.name: value for video in videos if (value := ratio(video)) is not None}
