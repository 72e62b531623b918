"""Alpha channels are dropped: images show the colours below them."""

from pathlib import Path

import av
import pytest

from extractor.domain.policy import ImageFormat, SamplingPolicy
from tests.support.media import clips
from tests.support.media.decoding import Decode

_CLEAR_RED = "color=red@0.0:size=64x48:rate=5:duration=1,format=rgba"


def _middle(image: bytes, tmp_path: Path) -> tuple[int, int, int]:
    path = tmp_path / "frame"
    path.write_bytes(image)
    with av.open(str(path)) as container:
        pixels = next(container.decode(video=0)).to_ndarray(format="rgb24")
    red, green, blue = (int(value) for value in pixels[24, 32])
    return red, green, blue


@pytest.mark.parametrize("image_format", ["jpg", "webp", "png"])
@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("prores.mov", "-c:v prores_ks -profile:v 4444 -pix_fmt yuva444p10le"),
        ("png.mov", "-c:v png -pix_fmt rgba"),
        ("vp9.webm", "-c:v libvpx-vp9 -pix_fmt yuva420p"),
        ("animation.mov", "-c:v qtrle -pix_fmt argb"),
    ],
)
def test_the_colour_under_transparent_pixels_shows(
    decode: Decode, tmp_path: Path, name: str, encoded: str, image_format: ImageFormat
) -> None:
    path = tmp_path / name
    clips.ffmpeg(f"-f lavfi -i {_CLEAR_RED} {encoded} {{0}}", path)
    (frame,) = decode(path, SamplingPolicy(image_format=image_format)).frames
    red, green, blue = _middle(frame.data, tmp_path)
    assert red > 225
    assert max(green, blue) < 30
