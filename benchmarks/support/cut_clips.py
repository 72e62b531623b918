"""Make videos with known cuts: shots of real clips, in random order, joined in different ways."""

import random
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.real_clips import REAL_CLIPS, fetch_clip
from extractor.media.ffmpeg.binary import find_ffmpeg

WIDTH, HEIGHT = 640, 360
KINDS = ("hard cut", "dissolve", "fade through black")
_WEIGHTS = (6, 3, 2)  # how often each kind occurs
_SECONDS = {KINDS[0]: (0.0, 0.0), KINDS[1]: (0.4, 1.5), KINDS[2]: (0.6, 1.5)}  # how long each kind takes
_SHOT_SECONDS = (1.0, 6.0)  # without transitions
_FLASHES = 0.25  # share of the shots with a flash
_FAST = 0.25  # share of the shots that are shown faster
_SPEED = 4

Pictures = NDArray[np.uint8]  # frames × rows × columns × 3 (red, green, blue)

# fmt: off
SHOTS = (
    ("big-buck-bunny-480p.mp4", 2.5, 11.7), ("big-buck-bunny-480p.mp4", 12.0, 15.6),
    ("big-buck-bunny-480p.mp4", 16.0, 19.5), ("big-buck-bunny-480p.mp4", 23.3, 25.5),
    ("bottles-360p.mp4", 0.2, 39.0), ("cars-from-above-432p.mp4", 0.2, 29.5),
    ("children-vp9-1080p.webm", 0.1, 2.4), ("children-vp9-1080p.webm", 3.85, 5.6),
    ("children-vp9-1080p.webm", 5.8, 7.3), ("children-vp9-1080p.webm", 8.7, 10.3),
    ("children-vp9-1080p.webm", 10.5, 12.2), ("children-vp9-1080p.webm", 12.5, 14.2),
    ("children-vp9-1080p.webm", 14.5, 16.2), ("children-vp9-1080p.webm", 17.4, 18.9),
    ("cockatoo-720p.mp4", 0.2, 3.4), ("cockatoo-720p.mp4", 8.1, 13.8),
    ("drone-over-trees-720p60.mp4", 0.2, 11.3), ("kitchen-mpeg4-480p.mov", 0.2, 5.0),
    ("kitchen-mpeg4-480p.mov", 5.4, 12.2), ("meadow-hevc-540p.mp4", 0.2, 29.0),
    ("meadow-vp9-portrait.webm", 0.2, 13.0), ("mountains-1080p60.mp4", 0.2, 19.8),
    ("mural-rotated-480p.mp4", 0.2, 12.5), ("pedestrians-360p.avi", 0.2, 79.0),
    ("speaker-portrait-720p.mp4", 0.2, 33.0), ("walking-through-a-room-432p.mp4", 0.2, 139.0),
    ("warehouse-av1-540p.mp4", 0.2, 8.4),
)
"""Parts of `REAL_CLIPS` without any cut: the name of the clip, start and end in seconds."""
# fmt: on


@dataclass(frozen=True, slots=True)
class Transition:
    """Where a new shot begins.

    Attributes:
        kind: One of `KINDS`.
        first: The number of the first frame that is not of the old shot alone.
        end: The number of the first frame that is of the new shot alone.
    """

    kind: str
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class CutVideo:
    """A video with known cuts."""

    path: Path
    frame_rate: int
    frame_count: int
    transitions: tuple[Transition, ...]


def make_cut_video(seed: int, shots: int, path: Path) -> CutVideo:
    """Make a video of `shots` shots. The same seed gives the same frames.

    Raises:
        ClipUnavailableError: A clip cannot be had.
    """
    choose = random.Random(seed)
    rate = choose.choice((25, 30))
    command = (
        *(find_ffmpeg(), "-v", "error", "-nostdin", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"),
        *("-s", f"{WIDTH}x{HEIGHT}", "-r", str(rate), "-i", "pipe:0"),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p", str(path)),
    )
    transitions: list[Transition] = []
    frame_count = 0
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        for pictures, kind, frames in _joined(choose, rate, shots):
            if kind:
                transitions.append(Transition(kind, frame_count, frame_count + frames))
            frame_count += len(pictures)
            encoder.stdin.write(pictures.tobytes())
    if encoder.returncode:
        raise RuntimeError(f"FFmpeg ended with {encoder.returncode}")
    return CutVideo(path, rate, frame_count, tuple(transitions))


def _joined(choose: random.Random, rate: int, shots: int) -> Iterator[tuple[Pictures, str, int]]:
    """Yield successive frames, the kind of transition that they begin with, and its length in frames."""
    order: list[tuple[str, float, float]] = []
    while len(order) < shots:
        order += choose.sample([shot for shot in SHOTS if shot not in order[-1:]], len(SHOTS) - bool(order))
    old = _shot(choose, rate, order[0])
    begun = ("", 0)
    for shot in order[1:shots]:
        new = _shot(choose, rate, shot)
        kind = choose.choices(KINDS, _WEIGHTS)[0]
        wanted = round(choose.uniform(*_SECONDS[kind]) * rate)
        frames = min(wanted, len(old) // 2, len(new) // 2)
        yield old[: len(old) - frames], *begun
        if frames:
            new[:frames] = _mixed(kind, old[-frames:], new[:frames])
        old, begun = new, (kind, frames)
    yield old, *begun


def _shot(choose: random.Random, rate: int, shot: tuple[str, float, float]) -> Pictures:
    name, start, end = shot
    speed = _SPEED if choose.random() < _FAST and end - start > 2 * _SPEED else 1
    longest = (end - start) / speed
    seconds = min(choose.uniform(*_SHOT_SECONDS), longest)
    begin = choose.uniform(start, end - seconds * speed)
    pictures = _decode(name, begin, seconds * speed, speed, rate)
    if choose.random() < _FLASHES:
        at, length = len(pictures) // 2, choose.randint(1, 3)
        flashed = pictures[at : at + length]
        pictures[at : at + length] = 255 - (255 - flashed) // 5
    return pictures


def _decode(name: str, start: float, seconds: float, speed: int, rate: int) -> Pictures:
    clip = next(clip for clip in REAL_CLIPS if clip.name == name)
    filters = (
        f"setpts=PTS/{speed},fps={rate},scale={WIDTH}:{HEIGHT}:force_original_aspect_ratio=increase,"
        f"crop={WIDTH}:{HEIGHT},format=rgb24"
    )
    command = (
        *(find_ffmpeg(), "-v", "error", "-nostdin", "-ss", f"{start:.3f}", "-t", f"{seconds:.3f}"),
        *("-i", str(fetch_clip(clip)), "-an", "-vf", filters, "-f", "rawvideo", "pipe:1"),
    )
    data = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, HEIGHT, WIDTH, 3).copy()


def _mixed(kind: str, old: Pictures, new: Pictures) -> Pictures:
    """Return the frames of a transition between equally many frames of two shots."""
    share = np.linspace(0, 1, len(old) + 2, dtype=np.float32)[1:-1, None, None, None]
    if kind == KINDS[1]:
        old_share, new_share = 1 - share, share
    else:
        old_share, new_share = np.maximum(1 - 2 * share, 0), np.maximum(2 * share - 1, 0)
    return np.asarray(np.rint(old * old_share + new * new_share), np.uint8)


def match(transitions: Sequence[Transition], found: Sequence[int], tolerance: int) -> list[Transition]:
    """Return the transitions that are found.

    Args:
        transitions: The transitions of a video, in order.
        found: The numbers of the frames at which a detector lets scenes begin, ascending. Each of them
            belongs to one transition at most.
        tolerance: How many frames a cut may be away from its transition.
    """
    left = list(found)
    hits: list[Transition] = []
    for transition in transitions:
        near = [cut for cut in left if transition.first - tolerance <= cut <= transition.end + tolerance]
        if near:
            left.remove(near[0])
            hits.append(transition)
    return hits
