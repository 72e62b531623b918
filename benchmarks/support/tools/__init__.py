"""The compared tools. Each is a module with functions that extract frames.

The module is imported before the measurement; a tool that cannot be imported is "not installed". All tools
write images into a folder, by default JPEG of quality 95 on libjpeg's scale or the nearest equivalent.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Shot:
    """An image as its tool describes it, in seconds.

    Attributes:
        asked: The requested time, relative to the video's first frame; ``None`` if there is none.
        claimed: The time that the tool, or the usual arithmetic with it, assigns; ``None`` if there is none.
    """

    file: str
    asked: float | None
    claimed: float | None


class Extract(Protocol):
    """Writes images of `video` into the folder `out`."""

    def __call__(self, video: Path, interval: float, out: Path) -> list[Shot]: ...


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool. `function` is the name of an `Extract` in `module`; the version of `package` is reported."""

    name: str
    module: str
    function: str = "extract"
    package: str | None = None


BASELINE = Tool("ffmpeg -vf fps", "benchmarks.support.tools.ffmpeg", package="imageio-ffmpeg")

FRAME_TOOLS = (
    Tool("this project", "benchmarks.support.tools.project", "planned"),
    Tool("this project, unplanned", "benchmarks.support.tools.project", "unplanned"),
    Tool("this project, keyframes", "benchmarks.support.tools.project", "keyframes"),
    BASELINE,
    Tool("ffmpeg -skip_frame nokey", "benchmarks.support.tools.ffmpeg", "keyframes"),
    Tool("OpenCV", "benchmarks.support.tools.opencv", package="opencv-python-headless"),
    Tool("PyAV", "benchmarks.support.tools.pyav", package="av"),
    Tool("decord", "benchmarks.support.tools.decord", package="decord"),
    Tool("torchcodec", "benchmarks.support.tools.torchcodec", package="torchcodec"),
)

TWO_PASSES = Tool(
    "PySceneDetect, then OpenCV", "benchmarks.support.tools.scenes", "two_passes", "scenedetect-headless"
)

SCENE_TOOLS = (
    Tool("this project, WebP", "benchmarks.support.tools.project_scenes", "with_webp"),
    Tool("this project, JPEG", "benchmarks.support.tools.project_scenes", "with_jpeg"),
    TWO_PASSES,
    Tool(
        "PySceneDetect save-images", "benchmarks.support.tools.scenes", "save_images", "scenedetect-headless"
    ),
)
