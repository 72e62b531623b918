"""Colours follow the tags of the stream, and without tags the defaults of players."""

import io
from itertools import product
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from extractor.domain.policy import ImageFormat, SamplingPolicy
from extractor.media.ffmpeg.colours import colours_of
from extractor.media.ffmpeg.filters import colour_notes
from extractor.media.ffmpeg.input_info import StreamInfo
from tests.support.media import clips
from tests.support.media.decoding import Decode

_PNG = SamplingPolicy(image_format="png")
_JPEG = SamplingPolicy(quality=100)
_RGB = (200, 80, 40)


def _rgb(image: bytes, tmp_path: Path) -> tuple[int, ...]:
    """Return the colour of the pixel in the centre."""
    (tmp_path / "image").write_bytes(image)
    clips.ffmpeg("-i {0} -vf format=rgb24,crop=1:1 -f rawvideo {1}", tmp_path / "image", tmp_path / "pixel")
    return tuple((tmp_path / "pixel").read_bytes()[:3])


def _is_near(found: tuple[int, ...], wanted: tuple[int, ...], most: int = 4) -> bool:
    return all(abs(one - other) <= most for one, other in zip(found, wanted, strict=True))


def _clip(
    path: Path, samples: str, tag: str = "", size: str = "64x48", pixels: str = "yuv420p", seconds: int = 1
) -> Path:
    """Make a clip of one colour from its samples; `tag` is the number of the matrix in H.264, or empty."""
    tagged = f"-bsf:v h264_metadata=matrix_coefficients={tag}" if tag else ""
    clips.ffmpeg(
        f"-f lavfi -i color=black:size={size}:rate=5:duration={seconds} -vf format={pixels},{samples}"
        f" -c:v libx264 -preset ultrafast -qp 1 {tagged} {{0}}",
        path,
    )
    return path


def _samples(red: float, green: float, blue: float, matrix: str) -> str:
    """Return a `geq` filter for the samples of a colour in limited range."""
    r, g, b = red / 255, green / 255, blue / 255
    if matrix == "ycgco":
        y, cb, cr = (r + 2 * g + b) / 4, (2 * g - r - b) / 4, (r - b) / 2
    else:
        kr, kb = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114)}[matrix]
        y = kr * r + (1 - kr - kb) * g + kb * b
        cb, cr = (b - y) / (2 - 2 * kb), (r - y) / (2 - 2 * kr)
    return f"geq=lum={round(16 + 219 * y)}:cb={round(128 + 224 * cb)}:cr={round(128 + 224 * cr)}"


@pytest.mark.parametrize(
    ("size", "tag", "matrix", "assumed"),
    [
        ("1280x64", "", "bt709", True),
        ("64x720", "", "bt709", True),
        ("1278x718", "", "smpte170m", True),
        ("1280x64", "6", "smpte170m", False),
        ("64x48", "1", "bt709", False),
    ],
)
@pytest.mark.parametrize("policy", [_PNG, _JPEG], ids=["png", "jpg"])
def test_untagged_pictures_are_read_as_players_read_them(
    decode: Decode, tmp_path: Path, size: str, tag: str, matrix: str, assumed: bool, policy: SamplingPolicy
) -> None:
    clip = _clip(tmp_path / "clip.mp4", _samples(*_RGB, matrix), tag, size)
    decoded = decode(clip, policy)
    assert (decoded.index.matrix, decoded.index.matrix_assumed) == (matrix, assumed)
    assert _is_near(_rgb(decoded.frames[0].data, tmp_path), _RGB)
    assert colour_notes(decoded.index.picture) == []


@pytest.mark.parametrize("size", ["64x48", "65x49"])
def test_a_matrix_that_only_zimg_knows_is_converted_and_noted(
    decode: Decode, tmp_path: Path, size: str
) -> None:
    pixels = "yuv420p" if size == "64x48" else "yuv444p"
    clip = _clip(tmp_path / "clip.mp4", _samples(*_RGB, "ycgco"), "8", size, pixels)
    decoded = decode(clip, SamplingPolicy(image_format="png", measures=True))
    assert _is_near(_rgb(decoded.frames[0].data, tmp_path), _RGB)
    assert "ycgco" in colour_notes(decoded.index.picture)[0]


@pytest.mark.parametrize("number", ["3", "8", "10", "11", "12", "13", "14", "15", "16", "17", "99"])
@pytest.mark.parametrize(
    "policy",
    [
        SamplingPolicy(measures=True),
        SamplingPolicy(strategy="keyframe"),
        SamplingPolicy(scene_detector="content"),
    ],
    ids=["uniform", "keyframe", "scenes"],
)
def test_no_matrix_tag_costs_the_frames(
    decode: Decode, tmp_path: Path, number: str, policy: SamplingPolicy
) -> None:
    clip = _clip(tmp_path / "clip.mp4", _samples(*_RGB, "smpte170m"), number)
    decoded = decode(clip, policy, plan=True)
    assert len(decoded.frames) == 1
    is_converted = number in ("8", "10", "12", "13")
    assert is_converted or (decoded.index.matrix_assumed and decoded.index.matrix == "smpte170m")


_HDR_PIXELS = ["yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv420p12le", "gbrp10le"]


@pytest.mark.parametrize(
    ("size", "pixels", "curve"),
    [
        *product(["64x48", "65x48", "64x49", "65x49"], _HDR_PIXELS, ["smpte2084"]),
        *product(["65x49"], _HDR_PIXELS, ["arib-std-b67"]),
    ],
)
def test_high_dynamic_range_of_any_size_and_sampling_gives_the_same_grey(
    decode: Decode, tmp_path: Path, size: str, pixels: str, curve: str
) -> None:
    clip = tmp_path / "hdr.mkv"
    clips.ffmpeg(
        f"-f lavfi -i color=0x808080:size={size}:rate=5:duration=1"
        f" -vf format={pixels},setparams=color_trc={curve} -c:v ffv1 {{0}}",
        clip,
    )
    decoded = decode(clip, _PNG)
    assert decoded.index.hdr is not None
    assert (decoded.frames[0].width, decoded.frames[0].height) == tuple(map(int, size.split("x")))
    grey = {"smpte2084": 175, "arib-std-b67": 137}[curve]
    assert _is_near(_rgb(decoded.frames[0].data, tmp_path), (grey, grey, grey), 12)


@pytest.mark.parametrize("matrix", ["bt709", "unknown", "ictcp", "bt2020c"])
@pytest.mark.parametrize("primaries", ["bt709", "unknown", "smpte432"])
def test_high_dynamic_range_with_other_tags_is_tone_mapped(
    decode: Decode, tmp_path: Path, matrix: str, primaries: str
) -> None:
    clip = tmp_path / "hdr.webm"
    tags = f"setparams=colorspace={matrix}:color_primaries={primaries}:color_trc=smpte2084"
    clips.ffmpeg(
        f"-f lavfi -i color=0x808080:size=64x64:rate=5:duration=1 -vf format=yuv420p10le,{tags}"
        " -c:v libsvtav1 -preset 12 {0}",
        clip,
    )
    decoded = decode(clip, _PNG)
    assert decoded.index.hdr == "pq"
    assert len(decoded.frames) == 1


def test_a_size_that_turns_odd_under_high_dynamic_range_does_not_end_the_decode(
    decode: Decode, tmp_path: Path
) -> None:
    parts = [tmp_path / f"{number}.mkv" for number in (0, 1)]
    for part, size in zip(parts, ("64:64", "65:63"), strict=True):
        clips.ffmpeg(
            "-f lavfi -i testsrc2=size=64x64:rate=5:duration=2"
            f" -vf scale={size},format=yuv420p10le,setparams=color_trc=smpte2084"
            " -c:v libvpx-vp9 -deadline realtime {0}",
            part,
        )
    clip = tmp_path / "turns.mkv"
    script = tmp_path / "list"
    script.write_text("".join(f"file '{part}'\n" for part in parts))
    clips.ffmpeg("-f concat -safe 0 -i {0} -c copy {1}", script, clip)
    decoded = decode(clip, _PNG, plan=True)
    assert len(decoded.frames) == 4
    assert decoded.index.picture.changes_midway
    assert colour_notes(decoded.index.picture)


@pytest.mark.parametrize(
    ("encoded", "name"),
    [
        ("mjpeg -pix_fmt yuvj420p", "a.avi"),
        ("libx264rgb -qp 0", "b.mkv"),
        ("ffv1 -pix_fmt gray", "c.mkv"),
        ("libx264 -pix_fmt yuvj420p -colorspace bt709", "e.mp4"),
    ],
)
def test_tagged_full_range_rgb_and_grey_pictures_are_read_as_they_are(
    decode: Decode, tmp_path: Path, encoded: str, name: str
) -> None:
    clip = tmp_path / name
    clips.ffmpeg(f"-f lavfi -i testsrc2=size=1280x96:rate=5:duration=1 -c:v {encoded} {{0}}", clip)
    plain = tmp_path / "plain.png"
    clips.ffmpeg("-i {0} -frames:v 1 -vf scale=flags=bicubic:out_range=full,format=rgb24 {1}", clip, plain)
    decoded = decode(clip, _PNG)
    assert not decoded.index.matrix_assumed
    assert decoded.frames[0].data == plain.read_bytes()


@pytest.mark.parametrize(
    ("pixel_format", "matrix", "transfer", "read", "assumed"),
    [
        ("yuv420p", "unknown", "unknown", "bt709", True),
        ("yuv420p10le", "unknown", "smpte2084", "bt2020nc", True),
        ("yuv420p", "gbr", "unknown", "bt709", True),  # no chroma can be RGB
        ("yuv420p", "ictcp", "bt709", "bt709", True),  # has no meaning without PQ or HLG
        ("yuv420p10le", "ictcp", "smpte2084", "ictcp", False),
        ("gbrp", "gbr", "unknown", None, False),
        ("pal8", "unknown", "unknown", None, False),
        ("gray10le", "bt709", "unknown", None, False),
    ],
)
def test_what_is_assumed_depends_on_samples_and_tags(
    pixel_format: str, matrix: str, transfer: str, read: str | None, assumed: bool
) -> None:
    stream = StreamInfo(0, "h264", pixel_format=pixel_format, matrix=matrix, transfer_name=transfer)
    colours = colours_of(stream, 1920, 1080)
    assert (colours.matrix, colours.is_assumed) == (read, assumed)


_WEIGHTS = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114), "bt2020nc": (0.2627, 0.0593)}


def _mean_rgb(frame: av.VideoFrame, matrix: str, *, full: bool) -> NDArray[np.float64]:
    """Return the mean colour of a frame of planar YUV, calculated from its samples."""
    depth = 10 if "10" in frame.format.name else 8
    luma, blue, red = (
        np.frombuffer(plane, np.uint16 if depth > 8 else np.uint8)
        .reshape(plane.height, -1)[:, : plane.width]
        .mean()
        / 2 ** (depth - 8)
        for plane in frame.planes
    )
    y = luma / 255 if full else (luma - 16) / 219
    scale = 255 if full else 224
    cb, cr = (blue - 128) / scale, (red - 128) / scale
    kr, kb = _WEIGHTS[matrix]
    r, b = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    return 255 * np.array([r, (y - kr * r - kb * b) / (1 - kr - kb), b])


@pytest.mark.parametrize("image_format", ["jpg", "webp"])
@pytest.mark.parametrize(
    ("pixels", "matrix", "color_range", "size"),
    [
        ("yuv420p", "bt709", "tv", "320x240"),
        ("yuv420p", "smpte170m", "tv", "322x242"),
        ("yuv420p", "bt709", "pc", "320x240"),
        ("yuv422p", "bt709", "tv", "320x240"),
        ("yuv444p", "smpte170m", "tv", "320x240"),
        ("yuv420p10le", "bt2020nc", "tv", "320x240"),
        ("yuv422p10le", "bt709", "tv", "320x240"),
    ],
)
def test_images_have_the_mean_colour_of_the_samples(
    decode: Decode, tmp_path: Path, pixels: str, matrix: str, color_range: str, size: str, image_format: str
) -> None:
    """A conversion that rounds down, or mistakes the range, makes every image of a data set darker."""
    clip = tmp_path / "clip.mp4"
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size={size}:rate=1:duration=2"
        f" -vf hue=s=0.5,scale=out_range={color_range},format={pixels}"
        f" -c:v libx264 -qp 1 -color_range {color_range} -colorspace {matrix} {{0}}",
        clip,
    )
    policy = SamplingPolicy(image_format=cast(ImageFormat, image_format), quality=100)
    images = decode(clip, policy).frames
    with av.open(clip) as container:
        frames = list(container.decode(video=0))
    assert len(images) == len(frames) == 2
    for image, frame in zip(images, frames, strict=True):
        with av.open(io.BytesIO(image.data)) as container:
            shown = next(container.decode(video=0))
        found = _mean_rgb(shown, "smpte170m", full=image_format == "jpg")
        wanted = _mean_rgb(frame, matrix, full=color_range == "pc")
        assert np.abs(found - wanted).max() < (0.8 if image_format == "webp" else 0.4)
