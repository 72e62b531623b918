"""The kinds of extraction that are compared, with their tools and targets. Pure: no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from benchmarks.support import tools
from benchmarks.support.tools import Tool
from extractor.domain.policy import Strategy


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of extraction.

    Attributes:
        name: As on the command line.
        interval: Seconds between frames.
        baseline: The tool that the others are relative to.
        limits: Targets of the mean of a tool's warm CPU relative to the baseline, by the tool's name.
        worst: The target of the worst video, and the same for small files.
        strategy: The sampling strategy of the floor; ``None`` for no floor.
    """

    name: str
    title: str
    interval: float
    tools: Sequence[Tool]
    baseline: Tool
    limits: Mapping[str, float] = field(default_factory=dict)
    worst: tuple[float, float] | None = None
    strategy: Strategy | None = None

    def only(self, names: Sequence[str]) -> "Kind":
        """Return the kind with the project, the baseline, and the tools whose names have one of `names`."""
        chosen = [
            tool
            for tool in self.tools
            if tool.flags is not None
            or tool == self.baseline
            or any(name.lower() in tool.name.lower() for name in names)
        ]
        return replace(self, tools=chosen)


def interval_kind(interval: float) -> Kind:
    limits = {1.0: {tools.PROJECT.name: 0.62}, 5.0: {tools.PROJECT.name: 0.28}}
    return Kind(
        f"{interval:g}",
        f"One frame every {interval:g} s",
        interval,
        tools.INTERVAL_TOOLS,
        tools.FPS,
        limits.get(interval, {}),
        (1.00, 1.05),
        "uniform",
    )


KEYFRAMES = Kind(
    "keyframes",
    "Keyframes",
    1.0,
    tools.KEYFRAME_TOOLS,
    tools.NOKEY,
    {tools.PROJECT_KEYFRAMES.name: 1.02},
    strategy="keyframe",
)
SCENES = Kind(
    "scenes",
    "Scenes, and a frame every 1 s",
    1.0,
    tools.SCENE_TOOLS,
    tools.TWO_PASSES,
    {tools.PROJECT_SCENES_JPEG.name: 0.33, tools.PROJECT_SCENES_WEBP.name: 0.60},
)
