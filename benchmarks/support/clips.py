"""Clips to measure, generated once by the pinned FFmpeg and kept in `build/benchmarks/clips`.

A clip's file name contains a hash of its recipe and of FFmpeg's version, so that a changed recipe never uses
an old file.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

from benchmarks.support.synthetic import scenery

ROOT = Path(__file__).resolve().parents[2]
CLIPS_DIR = ROOT / "build" / "benchmarks" / "clips"


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip. `encoder` has FFmpeg's output options; `thinning` is a filter that removes frames."""

    name: str
    width: int
    height: int
    rate: int
    seconds: float
    encoder: tuple[str, ...]
    suffix: str = ".mp4"
    thinning: str = ""

    @property
    def arguments(self) -> list[str]:
        graph = scenery(self.width, self.height, self.rate, self.seconds) + self.thinning
        return [
            *("-f", "lavfi", "-i", graph, "-f", "lavfi", "-i", "sine=frequency=220:beep_factor=4"),
            *("-t", str(self.seconds), "-fps_mode", "passthrough", *self.encoder),
            *("-c:a", "libopus" if self.suffix == ".webm" else "aac", "-b:a", "96k"),
        ]


def _x264(preset: str, gop: int, *more: str) -> tuple[str, ...]:
    return ("-c:v", "libx264", "-preset", preset, "-crf", "23", "-g", str(gop), *more)


_FASTSTART = ("-movflags", "+faststart")
# On for a second, then thinned out unevenly, as a phone does in the dark.
_UNEVEN = ",select='lt(mod(t,8),3)+not(mod(n,2))*lt(mod(t,8),5)+not(mod(n,7))'"

CLIPS = (
    Clip("h264-720p", 1280, 720, 30, 60, _x264("medium", 250, *_FASTSTART)),
    Clip("h264-portrait", 576, 1024, 30, 30, _x264("medium", 60, *_FASTSTART)),
    Clip(
        "hevc-1080p", 1920, 1080, 25, 30,
        ("-c:v", "libx265", "-preset", "superfast", "-crf", "27", "-tag:v", "hvc1",
         "-x265-params", "log-level=error"),
    ),
    Clip(
        "vp9-720p", 1280, 720, 25, 30,
        ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "7", "-row-mt", "1",
         "-b:v", "2M", "-g", "128"),
        suffix=".webm",
    ),
    Clip(
        "av1-720p", 1280, 720, 25, 30,
        ("-c:v", "libsvtav1", "-preset", "11", "-crf", "38", "-g", "150"),
    ),
    Clip("vfr-720p", 1280, 720, 30, 30, _x264("veryfast", 250), thinning=_UNEVEN),
    Clip("mpegts-720p", 1280, 720, 25, 30, _x264("veryfast", 50), suffix=".ts"),
)  # fmt: skip

WARM_UP = Clip("warm-up", 320, 240, 25, 4, _x264("veryfast", 50))
SHORT = Clip("h264-720p-30s", 1280, 720, 30, 30, _x264("veryfast", 60, *_FASTSTART))
ULTRA_HD = Clip(
    "h264-2160p", 3840, 2160, 25, 8, ("-c:v", "libx264", "-preset", "superfast", "-crf", "32", "-g", "60")
)


def ensure(clip: Clip) -> Path:
    """Return the clip's file; generate it if it does not exist."""
    return _made(clip.name, clip.suffix, clip.arguments)


def ensure_repeated(clip: Clip, times: int) -> Path:
    """Return a file with the clip's packets repeated `times` times."""
    source = ensure(clip)
    arguments = ["-stream_loop", str(times - 1), "-i", source.name, "-map", "0", "-c", "copy"]
    return _made(f"{clip.name}-x{times}", clip.suffix, arguments)


def _made(name: str, suffix: str, arguments: Sequence[str]) -> Path:
    binary = imageio_ffmpeg.get_ffmpeg_exe()
    recipe = "\0".join([imageio_ffmpeg.get_ffmpeg_version(), *arguments])
    path = CLIPS_DIR / f"{name}-{hashlib.sha256(recipe.encode()).hexdigest()[:8]}{suffix}"
    if path.is_file():
        return path
    print(f"making {path.name}", file=sys.stderr)
    CLIPS_DIR.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    options = ("-hide_banner", "-loglevel", "error", "-nostdin", "-y")
    quiet = os.environ | {"SVT_LOG": "1"}  # SVT-AV1 has a log of its own; 1 is errors
    subprocess.run([binary, *options, *arguments, str(partial)], check=True, env=quiet, cwd=CLIPS_DIR)
    return partial.replace(path)
