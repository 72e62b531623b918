"""FFmpeg in its usual form: ``-vf fps``, default threads, numbered files.

``-q:v 1 -qmin 1`` are the quantiser tables that this project uses for quality 95, the nearest equivalent of
libjpeg's. The claimed time is the number of the file times the interval.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg

from benchmarks.support.tools import Shot


def extract(video: Path, interval: float, out: Path) -> list[Shot]:
    files = _images(video, out, (), ("-vf", f"fps=1/{interval}"))
    return [Shot(file, number * interval, number * interval) for number, file in enumerate(files)]


def keyframes(video: Path, interval: float, out: Path) -> list[Shot]:  # noqa: ARG001 - it goes by keyframe
    """Use ``-skip_frame nokey``, the lower bound of the cost of keyframes. It reports no times."""
    files = _images(video, out, ("-skip_frame", "nokey"), ("-fps_mode", "passthrough"))
    return [Shot(file, None, None) for file in files]


def _images(video: Path, out: Path, decoder: Sequence[str], choice: Sequence[str]) -> list[str]:
    """Return the names of FFmpeg's numbered images, in order."""
    command = [
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin"),
        *(*decoder, "-i", str(video), "-an", *choice),
        *("-c:v", "mjpeg", "-q:v", "1", "-qmin", "1", str(out / "%06d.jpg")),
    ]
    subprocess.run(command, check=True)
    return sorted(path.name for path in out.glob("*.jpg"))
