"""What real clips take, as `python -m benchmarks.cost --measure` measured it. Needs only Python."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

MEASURED = Path(__file__).with_name("clip_figures.json")


@dataclass(frozen=True, slots=True)
class ClipFigures:
    """One clip, with a frame every second.

    Attributes:
        seconds: Length of the clip.
        cpu_seconds: CPU time of the extraction, with FFmpeg, in a warm process with one decoder thread.
        frames: Number of images.
        image_bytes: Size of all images.
        video_bytes: Size of the clip.
    """

    name: str
    codec: str
    width: int
    height: int
    seconds: float
    cpu_seconds: float
    frames: int
    image_bytes: int
    video_bytes: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Clips measured in one run. Means count each clip by its length."""

    machine: str
    versions: str
    clips: tuple[ClipFigures, ...]

    @property
    def seconds(self) -> float:
        """The length of all clips."""
        return self._sum(lambda clip: clip.seconds)

    @property
    def cpu_per_second(self) -> float:
        """CPU seconds for a second of video."""
        return self._sum(lambda clip: clip.cpu_seconds) / self.seconds

    @property
    def image_kilobytes(self) -> float:
        """The mean size of an image."""
        return self._sum(lambda clip: clip.image_bytes) / self._sum(lambda clip: clip.frames) / 1e3

    @property
    def megabytes_per_second(self) -> float:
        """Megabytes of a file for a second of video."""
        return self._sum(lambda clip: clip.video_bytes) / self.seconds / 1e6

    def _sum(self, value: Callable[[ClipFigures], float]) -> float:
        return sum(map(value, self.clips))


def read_figures(path: Path = MEASURED) -> Figures:
    """Return the figures in a file.

    Raises:
        OSError: The file cannot be read.
        ValueError: It has no clips, or other content.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        clips = tuple(ClipFigures(**clip) for clip in found["clips"])
        figures = Figures(found["machine"], found["versions"], clips)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} does not have the figures of clips: {error}") from error
    if not clips:
        raise ValueError(f"{path} has no clips")
    return figures


def write_figures(figures: Figures, path: Path = MEASURED) -> None:
    """Write the figures as JSON."""
    path.write_text(json.dumps(asdict(figures), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
