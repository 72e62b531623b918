"""The demo's own clips: six short videos, each with a common difficulty, and a longer one.

The bundled FFmpeg generates them in a few seconds, without network access.
"""

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

from extractor.errors import TruncatedError
from local.errors import DemoError

_TWO_AT_A_TIME = 2


@dataclass(frozen=True, slots=True)
class Clip:
    """A generated video.

    Attributes:
        code: Its code.
        caption: A description.
        graph: A libavfilter graph without inputs.
        rotation_degrees: The rotation in the display matrix.
        kept_share: The share of the file that is kept; less than 1 truncates it.
        expected_reason: The reason code with which the video must fail, if any.
        shows_distinct: Whether the page shows its distinct frames as well.
        is_long: Whether the function is to make it in slices.
    """

    code: str
    caption: str
    graph: str
    rotation_degrees: int = 0
    kept_share: float = 1.0
    expected_reason: str | None = None
    shows_distinct: bool = False
    is_long: bool = False


_MANDELBROT = "mandelbrot=size=640x360:rate=25:maxiter=250:inner=black:"
_CORAL = _MANDELBROT + "start_x=-0.1015:start_y=0.9563:start_scale=1.5:end_scale=0.008:end_pts=200,hue=h=60"
_SPIRALS = (
    _MANDELBROT
    + "start_x=-0.743643887:start_y=0.131825904:start_scale=0.012:end_scale=0.002:end_pts=50,hue=h=200"
)
_RINGS = "zoneplate=size=640x360:rate=30:kx2=20:ky2=20:kt=8:precision=10,format=yuv444p,pseudocolor=preset={}"
_SUNSET = "gradients=size={}:rate=30:speed={}:n=6:seed={}:type={}:" + (
    "c0=0x3a0ca3:c1=0xf72585:c2=0x4cc9f0:c3=0x7209b7:c4=0xffbe0b:c5=0xfb5607"
)
_LIFE = "life=size=160x90:rate=25:mold=40:ratio=0.2:seed=4:" + (
    "death_color=0x0b132b:life_color=0xffd166:mold_color=0x1c7c8c"
)
_CLOCK = "testsrc2=size={}:rate=30"

_SCENES = (
    _SPIRALS + ",fps=25,trim=duration=1.6,setsar=1[a];"
    + _SUNSET.format("640x360", 0.02, 11, "circular") + ",fps=25,trim=duration=1.8,setsar=1[b];"
    + _LIFE + ",trim=duration=1.6,scale=640:360:flags=neighbor,setsar=1[c];"
    "smptehdbars=size=640x360:rate=25:duration=1.2,setsar=1[d];"
    + _RINGS.format("viridis") + ",fps=25,trim=duration=1.8,setsar=1[e];"
    "[a][b][c][d][e]concat=n=5"
)  # fmt: skip

CLIPS = (
    Clip("demo-landscape", "Plain landscape video", _CORAL + ",trim=duration=8"),
    Clip(
        "demo-portrait",
        "A phone video: stored on its side, with a display matrix that turns it upright",
        f"{_SUNSET.format('360x640', 0.015, 5, 'spiral')},trim=duration=6[back];"
        f"{_CLOCK.format('240x240')}[clock];[back][clock]overlay=60:200:shortest=1,transpose=clock",
        rotation_degrees=90,
    ),
    Clip(
        "demo-short", "Only 0.2 s long", f"{_SUNSET.format('640x360', 0.02, 3, 'square')},trim=duration=0.2"
    ),
    Clip(
        "demo-vfr",
        "Variable frame rate: 30 per second, then a frame every 0.7 s, then 30 again",
        f"{_RINGS.format('magma')},trim=duration=8[back];{_CLOCK.format('200x112')}[clock];"
        "[back][clock]overlay=420:228:shortest=1,select='lt(t,1)+gt(t,6.5)+not(mod(n,21))'",
        shows_distinct=True,
    ),
    Clip("demo-scenes", "Five scenes with hard cuts between them", _SCENES),
    Clip(
        "demo-truncated",
        "A download that broke off: 45 % of the file is missing",
        f"{_CLOCK.format('640x360')},trim=duration=8",
        kept_share=0.55,
        expected_reason=TruncatedError.reason,
    ),
    Clip(
        "demo-long",
        "Two minutes, made in slices",
        f"{_CLOCK.format('320x180')},trim=duration=120",
        is_long=True,
    ),
)


def make_clips(directory: Path, clips: Sequence[Clip] = CLIPS) -> list[Path]:
    """Write the clips as ``{code}.mp4`` and return their paths in order."""
    with ThreadPoolExecutor(_TWO_AT_A_TIME) as pool:
        return list(pool.map(lambda clip: _make(clip, directory), clips))


def _make(clip: Clip, directory: Path) -> Path:
    path = directory / f"{clip.code}.mp4"
    if clip.rotation_degrees:
        upright = _encode(clip, directory / f"{clip.code}.unrotated.mp4")
        _ffmpeg("-display_rotation", str(clip.rotation_degrees), "-i", str(upright), "-c", "copy", str(path))
        upright.unlink()
    else:
        _encode(clip, path)
    if clip.kept_share < 1:
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * clip.kept_share)])
    return path


def _encode(clip: Clip, path: Path) -> Path:
    _ffmpeg(
        *("-f", "lavfi", "-i", clip.graph, "-fps_mode", "passthrough"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-g", "50", "-pix_fmt", "yuv420p"),
        *("-video_track_timescale", "90000", "-movflags", "+faststart", str(path)),
    )
    return path


def _ffmpeg(*arguments: str) -> None:
    binary = imageio_ffmpeg.get_ffmpeg_exe()
    command = [binary, "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments]
    if subprocess.run(command, check=False).returncode != 0:
        raise DemoError("FFmpeg could not generate the clips; its error message is above")
