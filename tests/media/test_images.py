"""Images are upright, of the requested format and of the recorded size."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from extractor.domain.policy import CONTENT_TYPES, IMAGE_FORMATS, ImageFormat, SamplingPolicy
from extractor.media.ffmpeg.image_formats import FORMATS, ImageFormatSpec, jpeg_qscale
from tests.support.media import clips
from tests.support.media.decoding import Decode

_MAGIC: dict[ImageFormat, bytes] = {"jpg": b"\xff\xd8\xff", "webp": b"RIFF", "png": b"\x89PNG"}


@pytest.mark.parametrize("image_format", _MAGIC)
def test_each_image_is_one_whole_file_of_the_asked_format(
    decode: Decode, plain_clip: Path, image_format: ImageFormat
) -> None:
    for frame in decode(plain_clip, SamplingPolicy(image_format=image_format)).frames:
        assert frame.data.startswith(_MAGIC[image_format])
        assert _size(frame.data) == (frame.width, frame.height) == (320, 240)
    if image_format == "jpg":
        assert frame.data.endswith(b"\xff\xd9")


def test_each_image_format_has_a_row_and_a_content_type() -> None:
    assert tuple(FORMATS) == tuple(CONTENT_TYPES) == IMAGE_FORMATS


def test_a_row_adds_an_image_format(
    decode: Decode, plain_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ppm = cast(ImageFormat, "ppm")
    row = ImageFormatSpec(ppm, "rgb24", None, _ppm_encoder, _ppm_size)
    monkeypatch.setitem(FORMATS, ppm, row)
    for plan in (False, True):
        images = decode(plain_clip, SamplingPolicy(image_format=ppm), plan=plan).frames
        as_png = decode(plain_clip, SamplingPolicy(image_format="png"), plan=plan).frames
        assert [image.data[:15] for image in images] == [b"P6\n320 240\n255\n"] * len(as_png)
        for image, png in zip(images, as_png, strict=True):
            assert image.data[15:] == _pixels(png.data).tobytes()


def _ppm_size(image: bytes) -> tuple[int, int]:
    width, height = image.split(b"\n", 2)[1].split()
    return int(width), int(height)


def _ppm_encoder(_quality: int) -> Mapping[str, object]:
    return {"c:v": "ppm"}


def _size(image: bytes) -> tuple[int, int]:
    """The size of an image, decoded by PyAV."""
    with av.open(io.BytesIO(image)) as container:
        frame = next(container.decode(video=0))
    return frame.width, frame.height


@pytest.mark.parametrize("image_format", IMAGE_FORMATS)
@pytest.mark.parametrize("size", ["2x2", "320x242", "16x4100", "4098x2"])
def test_sizes_are_those_of_the_images(
    decode: Decode, tmp_path: Path, image_format: ImageFormat, size: str
) -> None:
    clip = tmp_path / "clip.mkv"
    clips.ffmpeg(f"-f lavfi -i color=red:size={size}:rate=1:duration=1 -c:v ffv1 {{0}}", clip)
    (frame,) = decode(clip, SamplingPolicy(image_format=image_format)).frames
    assert f"{frame.width}x{frame.height}" == size
    assert _size(frame.data) == (frame.width, frame.height)


def _pixels(image: bytes) -> NDArray[np.uint8]:
    """The pixels of an image, decoded by PyAV."""
    with av.open(io.BytesIO(image)) as container:
        return np.asarray(next(container.decode(video=0)).to_ndarray(format="rgb24"), np.uint8)


@pytest.mark.parametrize("image_format", ["jpg", "webp"])
def test_more_quality_is_more_bytes(decode: Decode, plain_clip: Path, image_format: ImageFormat) -> None:
    def size(quality: int) -> int:
        policy = SamplingPolicy(image_format=image_format, quality=quality, max_frames=1)
        return len(decode(plain_clip, policy).frames[0].data)

    assert size(1) < size(30) < size(80) < size(100)


@given(st.integers(1, 99))
def test_the_jpeg_scale_never_gets_worse_with_quality(quality: int) -> None:
    assert 1 <= jpeg_qscale(quality + 1) <= jpeg_qscale(quality) <= 31


@pytest.mark.failure_row(21)
@pytest.mark.parametrize(
    ("degrees", "red_corner"), [(90, "bottom left"), (-90, "top right"), (180, "bottom right")]
)
def test_a_phone_video_comes_out_upright(
    decode: Decode, clip_dir: Path, tmp_path: Path, degrees: int, red_corner: str
) -> None:
    clip = clips.rotated(clip_dir / f"rotated{degrees}.mp4", degrees)
    frame = decode(clip, SamplingPolicy(image_format="png")).frames[0]
    assert (frame.width, frame.height) == ((320, 240) if degrees == 180 else (240, 320))
    assert _red_corner(frame.data, tmp_path) == red_corner


def test_full_range_colours_survive_the_jpeg(decode: Decode, clip_dir: Path, tmp_path: Path) -> None:
    clip = clip_dir / "colours.mp4"
    clips.ffmpeg(
        "-f lavfi -i color=0x20C060:size=320x240:rate=25:duration=1"
        " -vf scale=out_color_matrix=bt709:out_range=tv"
        " -colorspace bt709 -color_primaries bt709 -color_trc bt709 -pix_fmt yuv420p -c:v libx264 {0}",
        clip,
    )
    for image_format in _MAGIC:
        data = decode(clip, SamplingPolicy(image_format=image_format)).frames[0].data
        pixel = _rgb(data, tmp_path)[:3]
        assert all(abs(found - true) <= 6 for found, true in zip(pixel, (0x20, 0xC0, 0x60), strict=True)), (
            pixel
        )


def _rgb(image: bytes, tmp_path: Path) -> bytes:
    """Return the pixels, as FFmpeg decodes the image."""
    (tmp_path / "image").write_bytes(image)
    clips.ffmpeg("-i {0} -f rawvideo -pix_fmt rgb24 {1}", tmp_path / "image", tmp_path / "pixels")
    return (tmp_path / "pixels").read_bytes()


def _red_corner(image: bytes, tmp_path: Path) -> str:
    pixels = _rgb(image, tmp_path)
    width, height = _size(image)
    spots = {"top": 20, "bottom": height - 20}, {"left": 20, "right": width - 20}
    reds = [
        f"{vertical} {horizontal}"
        for vertical, y in spots[0].items()
        for horizontal, x in spots[1].items()
        if pixels[(y * width + x) * 3] > 128
    ]
    assert len(reds) == 1
    return reds[0]
