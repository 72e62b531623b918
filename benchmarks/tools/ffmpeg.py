"""The same pinned FFmpeg as everybody runs it: ``-vf fps``, its default threads, numbered files.

``-q:v 1 -qmin 1`` are the quantiser tables that this project takes for quality 95, the nearest that
FFmpeg has to libjpeg's. A file's number times the interval is the time that one goes by.
"""

import subprocess
from pathlib import Path

import imageio_ffmpeg

from benchmarks.tools import Shot


def extract(video: Path, interval: float, out: Path) -> list[Shot]:
    command = [
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin"),
        *("-i", str(video), "-an", "-vf", f"fps=1/{interval}"),
        *("-c:v", "mjpeg", "-q:v", "1", "-qmin", "1", str(out / "%06d.jpg")),
    ]
    subprocess.run(command, check=True)
    files = sorted(path.name for path in out.glob("*.jpg"))
    return [Shot(file, number * interval, number * interval) for number, file in enumerate(files)]
