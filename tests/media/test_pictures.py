"""Frames are converted where needed: interlacing, high dynamic range, non-square pixels, sizes."""

from pathlib import Path

import pytest

from extractor.domain.policy import SamplingPolicy
from tests.support.media import clips
from tests.support.media.decoding import Decode

_PNG = SamplingPolicy(image_format="png")


def _pixels(image: bytes, tmp_path: Path) -> bytes:
    """Return the 8-bit grey levels, row by row."""
    (tmp_path / "image").write_bytes(image)
    clips.ffmpeg("-i {0} -f rawvideo -pix_fmt gray {1}", tmp_path / "image", tmp_path / "pixels")
    return (tmp_path / "pixels").read_bytes()


def _hdr_clip(path: Path, curve: str, signal: float) -> Path:
    """Make a clip of one grey level, as a share of the signal range of the transfer curve, in 10 bits."""
    luma = round(64 + 876 * signal)
    tags = f"colormatrix=bt2020nc:colorprim=bt2020:transfer={curve}"
    clips.ffmpeg(
        "-f lavfi -i color=black:size=64x64:rate=5:duration=1"
        f" -vf format=yuv420p10le,geq=lum={luma}:cb=512:cr=512"
        f" -c:v libx265 -x265-params log-level=none:{tags} {{0}}",
        path,
    )
    return path


@pytest.mark.failure_row(23)
@pytest.mark.parametrize(
    ("curve", "signal", "level"),
    [
        ("smpte2084", 0.58, (200, 235)),  # 203 cd/m², the white of titles
        ("smpte2084", 0.38, (90, 130)),  # 26 cd/m², a grey card
        ("smpte2084", 0.75, (235, 255)),  # 1,000 cd/m², a highlight
        ("arib-std-b67", 0.75, (200, 235)),
        ("arib-std-b67", 0.38, (90, 130)),
    ],
)
def test_high_dynamic_range_is_neither_dark_nor_washed_out(
    decode: Decode, tmp_path: Path, curve: str, signal: float, level: tuple[int, int]
) -> None:
    decoded = decode(_hdr_clip(tmp_path / "hdr.mp4", curve, signal), _PNG)
    assert decoded.index.hdr == {"smpte2084": "pq", "arib-std-b67": "hlg"}[curve]
    assert level[0] <= _pixels(decoded.frames[0].data, tmp_path)[2080] <= level[1]


def test_interlaced_video_has_no_combs(decode: Decode, tmp_path: Path) -> None:
    clip = tmp_path / "interlaced.ts"
    clips.ffmpeg(
        "-f lavfi -i color=black:size=320x240:rate=50:duration=2 -f lavfi -i color=white:size=40x160:rate=50"
        " -filter_complex overlay=x=mod(n*16\\,280):y=40:shortest=1,interlace"
        " -c:v mpeg2video -b:v 8M -flags +ilme+ildct {0}",
        clip,
    )
    decoded = decode(clip, _PNG)
    assert decoded.index.picture.interlaced
    assert decoded.index.order is None
    pixels = _pixels(decoded.frames[1].data, tmp_path)
    rows = [pixels[y * 320 : (y + 1) * 320] for y in range(60, 180)]
    combed = sum(
        abs(above[x] - here[x]) > 60 and abs(below[x] - here[x]) > 60
        for above, here, below in zip(rows, rows[1:], rows[2:], strict=False)
        for x in range(320)
    )
    assert combed < 40


@pytest.mark.failure_row(21)
@pytest.mark.parametrize(("ratio", "size"), [("2", (640, 240)), ("1/2", (320, 480)), ("16/15", (341, 240))])
def test_pixels_become_square(decode: Decode, tmp_path: Path, ratio: str, size: tuple[int, int]) -> None:
    clip = tmp_path / "odd.mp4"
    clips.ffmpeg(
        f"-f lavfi -i {clips.PICTURES}:duration=1 -vf setsar={ratio} -c:v {clips.ENCODED} {{0}}", clip
    )
    frame = decode(clip).frames[0]
    assert (frame.width, frame.height) == size


@pytest.mark.parametrize(
    ("policy", "size"),
    [
        (SamplingPolicy(max_width=160), (160, 120)),
        (SamplingPolicy(max_height=100), (132, 100)),
        (SamplingPolicy(max_width=100, max_height=200), (100, 74)),
        (SamplingPolicy(max_width=640, max_height=480), (320, 240)),
    ],
)
def test_pictures_are_shrunk_to_fit_and_never_enlarged(
    decode: Decode, plain_clip: Path, policy: SamplingPolicy, size: tuple[int, int]
) -> None:
    assert {(frame.width, frame.height) for frame in decode(plain_clip, policy).frames} == {size}


def test_a_rotated_picture_is_measured_after_turning(decode: Decode, clip_dir: Path) -> None:
    clip = clips.rotated(clip_dir / "turned.mp4", 90)
    frame = decode(clip, SamplingPolicy(max_width=120)).frames[0]
    assert (frame.width, frame.height) == (120, 160)
