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
    """A tool.

    Attributes:
        function: The name of an `Extract` in `module`.
        package: Its version is reported.
        flags: For the project: the flags of its command line. ``{interval}`` stands for the interval.
        is_command: Whether it is a command, which is a whole process wherever it is started from.
    """

    name: str
    module: str
    function: str = "extract"
    package: str | None = None
    flags: tuple[str, ...] | None = None
    is_command: bool = False


_TOOLS = "benchmarks.support.tools"
_CV, _AV, _DECORD, _SCENES = "opencv-python-headless", "av", "decord", "scenedetect-headless"

PROJECT = Tool("this project", f"{_TOOLS}.project", flags=("--interval", "{interval}"))
FPS = Tool("ffmpeg -vf fps", f"{_TOOLS}.ffmpeg", package="imageio-ffmpeg", is_command=True)
INTERVAL_TOOLS = (
    PROJECT,
    FPS,
    Tool("OpenCV", f"{_TOOLS}.opencv", package=_CV),
    Tool("PyAV", f"{_TOOLS}.pyav", package=_AV),
    Tool("decord", f"{_TOOLS}.decord", package=_DECORD),
    Tool("torchcodec", f"{_TOOLS}.torchcodec", package="torchcodec"),
)

PROJECT_KEYFRAMES = Tool(
    "this project, keyframes", f"{_TOOLS}.project", "keyframes", flags=("--strategy", "keyframe")
)
NOKEY = Tool("ffmpeg -skip_frame nokey", f"{_TOOLS}.ffmpeg", "keyframes", is_command=True)
KEYFRAME_TOOLS = (
    PROJECT_KEYFRAMES,
    NOKEY,
    Tool("PyAV, skip_frame", f"{_TOOLS}.pyav", "keyframes", _AV),
    Tool("decord, get_key_indices", f"{_TOOLS}.decord", "keyframes", _DECORD),
)

_WITH_SCENES = ("--interval", "{interval}", "--scene-detector", "content", "--format")
PROJECT_SCENES_JPEG = Tool(
    "this project, JPEG", f"{_TOOLS}.project_scenes", "with_jpeg", flags=(*_WITH_SCENES, "jpg")
)
PROJECT_SCENES_WEBP = Tool(
    "this project, WebP", f"{_TOOLS}.project_scenes", "with_webp", flags=(*_WITH_SCENES, "webp")
)
TWO_PASSES = Tool("PySceneDetect, then OpenCV", f"{_TOOLS}.scenes", "two_passes", _SCENES)
SCENE_TOOLS = (
    PROJECT_SCENES_JPEG,
    PROJECT_SCENES_WEBP,
    TWO_PASSES,
    Tool("PySceneDetect save-images", f"{_TOOLS}.scenes", "save_images", _SCENES),
)

TOOLS = (*INTERVAL_TOOLS, *KEYFRAME_TOOLS, *SCENE_TOOLS)
