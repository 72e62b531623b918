"""Long videos with small pictures in common codecs and containers.

Their properties are known by construction: 30 frames a second, a keyframe every 5 seconds, a new scene every
minute.
"""

import os
import subprocess
from pathlib import Path
from typing import Final

from msgspec import Struct

from benchmarks.support.clips import CLIPS_DIR
from extractor.media.ffmpeg.binary import find_ffmpeg

RATE: Final = 30
KEYFRAME_SECONDS: Final = 5
SCENE_SECONDS: Final = 60

_GOP: Final = RATE * KEYFRAME_SECONDS
_X264: Final = f"-c:v libx264 -preset ultrafast -bf 2 -g {_GOP} -keyint_min {_GOP} -sc_threshold 0"
_X265: Final = (
    "-c:v libx265 -preset ultrafast"
    f" -x265-params log-level=none:keyint={_GOP}:min-keyint={_GOP}:scenecut=0:open-gop=0:bframes=2"
)


class LongVideo(Struct, frozen=True):
    """A long video; `encoder` has FFmpeg's output options."""

    name: str
    suffix: str
    encoder: str


LONG_VIDEOS: Final = (
    LongVideo("H.264 in MP4", ".mp4", _X264),
    LongVideo("H.264 in TS", ".ts", _X264),
    LongVideo("H.264 in Matroska", ".mkv", _X264),
    LongVideo("HEVC in MP4", ".mp4", _X265),
    LongVideo("VP9 in WebM", ".webm", f"-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g {_GOP}"),
    LongVideo("AV1 in MP4", ".mp4", f"-c:v libsvtav1 -preset 12 -g {_GOP} -svtav1-params scd=0:lp=2"),
    LongVideo("MPEG-4 in AVI", ".avi", f"-c:v mpeg4 -g {_GOP} -sc_threshold 1000000000"),
)


def make(video: LongVideo, seconds: int, folder: Path = CLIPS_DIR) -> Path:
    """Return the file; generate it if it does not exist."""
    path = folder / f"long-{video.name.replace(' ', '-')}-{seconds}{video.suffix}"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_stem(f"partial-{path.stem}")
    pictures = f"testsrc2=size=96x64:rate={RATE}:duration={seconds}"
    scenes = f"negate=enable='lt(mod(t,{2 * SCENE_SECONDS}),{SCENE_SECONDS})'"
    command = [find_ffmpeg(), "-y", "-v", "error", "-nostdin", "-f", "lavfi", "-i", f"{pictures},{scenes}"]
    command += ["-pix_fmt", "yuv420p", *video.encoder.split(), str(partial)]
    subprocess.run(command, check=True, env=os.environ | {"SVT_LOG": "1"})  # SVT-AV1 has a log of its own
    return partial.replace(path)
