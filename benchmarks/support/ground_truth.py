"""Ground truth of a video: which picture is shown when.

The pinned FFmpeg decodes the whole video to small grey pictures with their presentation times. The image of a
tool is matched against them, which gives its true time independently of the tool and of this project's index.
"""

import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from benchmarks.support.results import NO_TIMES, Exactness
from benchmarks.support.tools import Shot

_WIDTH, _HEIGHT = 96, 96  # whatever the shape of the video; both sides are squeezed the same way
_THUMBNAIL = f"scale={_WIDTH}:{_HEIGHT}:flags=area,format=gray"
_ALIKE = 0.6  # less than this is a picture that is not in the video (or lies on its side)
_AS_GOOD = 1e-4  # where nothing moves, the frame that suits the claim best is taken for the one shown


@dataclass(frozen=True, slots=True)
class Truth:
    """All frames of a video in order; `seconds` are relative to the first one."""

    seconds: NDArray[np.float64]
    pictures: NDArray[np.float32]

    @property
    def duration_seconds(self) -> float:
        return float(self.seconds[-1])

    def exactness(self, shots: Sequence[Shot], folder: Path) -> Exactness:
        """Return the errors of the times of `shots`, whose images are in `folder`."""
        claims, sample_times = [], []
        for shot in shots:
            if shot.claimed is None:
                continue
            shown = self._shown(_normalised(_thumbnails(["-i", str(folder / shot.file)]))[0], shot.claimed)
            if shown is None:
                return NO_TIMES
            claims.append(abs(shown - shot.claimed))
            if shot.asked is not None:
                sample_times.append(abs(shown - shot.asked))
        return Exactness(*_mean_and_max(claims), *_mean_and_max(sample_times))

    def _shown(self, picture: NDArray[np.float32], claimed: float) -> float | None:
        likeness = self.pictures @ picture
        best = float(likeness.max())
        if best < _ALIKE:
            return None
        candidates = self.seconds[likeness >= best - _AS_GOOD]
        return float(candidates[np.abs(candidates - claimed).argmin()])


def read_truth(video: Path) -> Truth:
    with tempfile.TemporaryDirectory() as directory:
        times = Path(directory, "times")
        data = _thumbnails(
            ["-copyts", "-i", str(video), "-map", "0:V:0", "-fps_mode", "passthrough"],
            ["-enc_time_base", "filter", "-stats_enc_pre:v", str(times), "-stats_enc_pre_fmt:v", "{t}"],
        )
        seconds = np.array([float(line) for line in times.read_text().split()])
    return Truth(seconds - seconds[0], _normalised(data))


def _thumbnails(source: Iterable[str], options: Iterable[str] = ()) -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-nostdin", *source]
    command += ["-vf", _THUMBNAIL, *options, "-f", "rawvideo", "pipe:1"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def _normalised(data: bytes) -> NDArray[np.float32]:
    """Return one row per picture with mean 0 and length 1, so that brightness and range do not matter."""
    rows: NDArray[Any] = np.frombuffer(data, np.uint8).reshape(-1, _WIDTH * _HEIGHT).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return rows


def _mean_and_max(distances: Sequence[float]) -> tuple[float | None, float | None]:
    return (sum(distances) / len(distances), max(distances)) if distances else (None, None)
