"""The same pinned FFmpeg as everybody runs it: ``-vf fps``, its default threads, numbered files.

``-q:v 1 -qmin 1`` are the quantiser tables that this project takes for quality 95, the nearest that
FFmpeg has to libjpeg's. A file's number times the interval is the time that one goes by.
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
    """``-skip_frame nokey``: the least that keyframes can cost. It does not say when they are shown."""
    files = _images(video, out, ("-skip_frame", "nokey"), ("-fps_mode", "passthrough"))
    return [Shot(file, None, None) for file in files]


def _images(video: Path, out: Path, decoder: Sequence[str], choice: Sequence[str]) -> list[str]:
    """The names of the images that FFmpeg numbers, in order."""
    command = [
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin"),
        *(*decoder, "-i", str(video), "-an", *choice),
        *("-c:v", "mjpeg", "-q:v", "1", "-qmin", "1", str(out / "%06d.jpg")),
    ]
    subprocess.run(command, check=True)
    return sorted(path.name for path in out.glob("*.jpg"))
