"""Clips for the tests, made by the FFmpeg that the project pins. Each is named by what is special in it."""

import hashlib
import shutil
import subprocess
import tempfile
import zlib
from pathlib import Path

from extractor.media.ffmpeg.binary import find_ffmpeg

PICTURES = "testsrc2=size=320x240:rate=25"
ENCODED = "libx264 -preset ultrafast -g 50 -pix_fmt yuv420p"


_made: Path | None = None
"""The folder of all clips that were made of nothing but arguments; None where they are not kept."""


def keep_in(directory: Path) -> None:
    """Keep a copy of what is made of arguments alone in `directory`, and do not make it again.

    Several processes may share the folder.
    """
    global _made
    directory.mkdir(exist_ok=True)
    _made = directory


def ffmpeg(arguments: str, *paths: Path) -> None:
    """Run FFmpeg; ``{0}``, ``{1}`` … in `arguments` stand for `paths`."""
    if _made is None or len(paths) != 1 or not arguments.endswith(" {0}") or arguments.count("{") > 1:
        _run(arguments, *paths)
        return
    (path,) = paths
    kept = _made / (hashlib.sha256(arguments.encode()).hexdigest() + path.suffix)
    if kept.exists():
        shutil.copyfile(kept, path)
        return
    _run(arguments, path)
    with tempfile.NamedTemporaryFile(dir=_made, delete=False) as copy:
        copy.write(path.read_bytes())
    Path(copy.name).replace(kept)


def _run(arguments: str, *paths: Path) -> None:
    names = [str(path) for path in paths]
    argv = [
        find_ffmpeg(),
        "-nostdin",
        "-v",
        "error",
        "-y",
        *(part.format(*names) for part in arguments.split()),
    ]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def plain(path: Path, seconds: float = 3, encoded: str = ENCODED, pictures: str = PICTURES) -> Path:
    """A test picture with a running counter, at 25 frames a second, keyframes every 2 s."""
    ffmpeg(f"-f lavfi -i {pictures} -t {seconds} -c:v {encoded} {{0}}", path)
    return path


def with_sound(
    path: Path, video_seconds: float, sound_seconds: float, muxing: str = "-movflags +faststart"
) -> Path:
    ffmpeg(
        f"-f lavfi -i {PICTURES}:duration={video_seconds} -f lavfi -i sine=duration={sound_seconds}"
        f" -c:v {ENCODED} -c:a aac {muxing} {{0}}",
        path,
    )
    return path


def sound_only(path: Path) -> Path:
    ffmpeg("-f lavfi -i sine=duration=2 -c:a aac {0}", path)
    return path


def cover_art_only(path: Path) -> Path:
    picture = path.with_suffix(".png")
    ffmpeg("-f lavfi -i color=red:size=64x64 -frames:v 1 {0}", picture)
    ffmpeg(
        "-f lavfi -i sine=duration=2 -i {0} -map 0 -map 1 -c:v copy -disposition:v attached_pic -f mp3 {1}",
        picture,
        path,
    )
    return path


def subtitles_only(path: Path) -> Path:
    text = path.with_suffix(".srt")
    text.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    ffmpeg("-i {0} -f matroska {1}", text, path)
    return path


def first_picture_of_apng(data: bytes) -> bytes:
    """An APNG that announces and holds one picture."""
    control = data.index(b"acTL")
    one = b"acTL" + (1).to_bytes(4, "big") + bytes(4)
    pixels = data.index(b"IDAT") - 4
    end = pixels + 12 + int.from_bytes(data[pixels : pixels + 4], "big")
    checked = one + zlib.crc32(one).to_bytes(4, "big")
    return data[:control] + checked + data[control + 16 : end] + data[-12:]


def rotated(path: Path, degrees: int = 90) -> Path:
    """Landscape pictures with a display matrix that turns them upright. Top left is red before turning."""
    upright = path.with_name("unrotated-" + path.name)
    ffmpeg(
        "-f lavfi -i color=blue:size=320x240:rate=25:duration=2"
        f" -vf drawbox=x=0:y=0:w=160:h=120:color=red:t=fill -c:v {ENCODED} {{0}}",
        upright,
    )
    ffmpeg(f"-display_rotation {degrees} -i {{0}} -c copy {{1}}", upright, path)
    return path


def variable_rate(path: Path) -> Path:
    """25 frames a second, but only every fifth from 1 to 2 s, and none between 3.2 and 4.6 s."""
    kept = "not(between(t,1,2)*mod(n,5))*not(between(t,3.2,4.6))"
    ffmpeg(
        f"-f lavfi -i {PICTURES}:duration=6 -vf select='{kept}' -fps_mode passthrough -enc_time_base 1:90000"
        f" -video_track_timescale 90000 -c:v {ENCODED} {{0}}",
        path,
    )
    return path


def with_gap(path: Path, gap_seconds: int = 50_000) -> Path:
    """Two seconds of pictures, then nothing for a long time, then one second more."""
    ffmpeg(
        f"-f lavfi -i {PICTURES}:duration=3 -vf setpts=PTS+gte(T\\,2)*{gap_seconds}/TB -fps_mode passthrough"
        f" -c:v {ENCODED} {{0}}",
        path,
    )
    return path


def cut_off(path: Path, share: float, source: Path) -> Path:
    """The first `share` of the bytes of `source`."""
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def bit_rot(path: Path, source: Path, every_bytes: int) -> Path:
    """`source` with a byte inverted at every so many, its index left alone."""
    data = bytearray(source.read_bytes())
    start = data.index(b"mdat") + 64
    for position in range(start, len(data) - 64, every_bytes):
        data[position] ^= 0xFF
    path.write_bytes(data)
    return path


def concat_script(path: Path, neighbour: Path) -> Path:
    """A text that asks FFmpeg to open another file."""
    path.write_text(f"ffconcat version 1.0\nfile '{neighbour}'\n")
    return path


def playlist(path: Path, neighbour: Path) -> Path:
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{neighbour}\n#EXT-X-ENDLIST\n")
    return path


def changing_size(path: Path) -> Path:
    """Pictures of 320x240 for two seconds, then of 160x120 for two more."""
    parts = [path.with_suffix(f".{number}.ts") for number in (1, 2)]
    for part, size in zip(parts, ("320x240", "160x120"), strict=True):
        plain(part, 2, pictures=f"testsrc2=size={size}:rate=25")
    ffmpeg("-i concat:{0}|{1} -c copy {2}", *parts, path)
    return path
