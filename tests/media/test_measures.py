"""Metrics are comparable between resolutions, and differ for visibly different frames."""

import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.domain.frames import FrameMetrics
from extractor.media.dedup import hamming
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.ffmpeg.filters import GREY, GREY_SIDE
from extractor.media.metrics import measure

_PICTURE = "mandelbrot=size=1280x720:start_scale=0.5"
_LETTERS = "testsrc2=size=1280x720"


def _grey(source: str, changes: str = "null") -> bytes:
    """Return one filtered frame of the `lavfi` source, as the metrics get it from FFmpeg."""
    graph = [f"{name}=" + ":".join(f"{key}={value}" for key, value in to.items()) for name, to in GREY]
    filters = ",".join([changes, *graph])
    command = f"-v error -nostdin -f lavfi -i {source} -vf {filters} -frames:v 1 -f rawvideo pipe:1"
    found = subprocess.run([find_ffmpeg(), *command.split()], check=True, capture_output=True).stdout
    assert len(found) == GREY_SIDE**2
    return found


def _measured(source: str, changes: str = "format=yuv420p") -> FrameMetrics:
    return measure(_grey(source, changes))


def _jpeg(tmp_path: Path, source: str, quantiser: int) -> str:
    """Return the frame after strong compression, as a new source."""
    path = tmp_path / f"{quantiser}.jpg"
    command = f"-v error -y -f lavfi -i {source} -frames:v 1 -q:v {quantiser} {path}"
    subprocess.run([find_ffmpeg(), *command.split()], check=True)
    return f"movie={path}"


@pytest.mark.parametrize(
    ("colour", "brightness"), [("black", 0.0), ("white", 1.0), ("gray", 0.5), ("0x333333", 0.2)]
)
def test_brightness_goes_from_black_to_white(colour: str, brightness: float) -> None:
    for pixels in ("yuv420p", "yuvj420p", "rgb24"):
        found = _measured(f"color={colour}:size=320x240", f"format={pixels}").brightness
        assert found == pytest.approx(brightness, abs=0.01), pixels


def test_sharpness_is_the_variance_of_opencvs_laplacian() -> None:
    grey = _grey(_LETTERS)
    picture = np.frombuffer(grey, np.uint8).reshape(GREY_SIDE, GREY_SIDE)
    inner = cv2.Laplacian(picture, cv2.CV_64F)[1:-1, 1:-1]  # at the edge it makes pixels up
    assert measure(grey).sharpness == pytest.approx(inner.var())


def test_the_more_blur_the_less_sharpness() -> None:
    found = [_measured(_LETTERS, f"gblur=sigma={sigma}").sharpness for sigma in (0.01, 3, 8, 20)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 10 * found[2]


@pytest.mark.parametrize("source", [_PICTURE, _LETTERS])
@pytest.mark.parametrize("size", ["1920:1080", "854:480", "640:360"])
def test_the_resolution_changes_little(source: str, size: str) -> None:
    full, other = _measured(source), _measured(source, f"scale={size}")
    assert hamming(full.perceptual_hash, other.perceptual_hash) <= 2
    assert other.brightness == pytest.approx(full.brightness, abs=0.005)
    assert other.sharpness == pytest.approx(full.sharpness, rel=0.25)


def test_near_duplicates_have_near_hashes_and_other_pictures_far_ones(tmp_path: Path) -> None:
    original = _measured(_PICTURE).perceptual_hash
    near = [
        _measured(_jpeg(tmp_path, _PICTURE, 31)).perceptual_hash,
        _measured(_PICTURE, "eq=brightness=0.05").perceptual_hash,
        _measured(_PICTURE, "eq=contrast=0.9").perceptual_hash,
        _measured(_PICTURE, "noise=alls=10").perceptual_hash,
    ]
    far = [
        _measured(_LETTERS).perceptual_hash,
        _measured("smptebars=size=1280x720").perceptual_hash,
        _measured(_PICTURE, "hflip,vflip").perceptual_hash,
    ]
    assert max(hamming(original, other) for other in near) <= 4
    assert min(hamming(original, other) for other in far) >= 20


def test_the_hash_is_the_one_of_its_definition() -> None:
    """The discrete cosine transform is computed here as 64 explicit sums over the 32 × 32 picture."""
    grey = _grey(_PICTURE)
    full = np.frombuffer(grey, np.uint8).reshape(GREY_SIDE, GREY_SIDE).astype(np.float64)
    small = cv2.resize(full, (32, 32), interpolation=cv2.INTER_AREA)
    place = np.arange(32)

    def wave(frequency: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.asarray(np.cos(np.pi * frequency * (2 * place + 1) / 64))

    sums = [
        float((small * np.outer(wave(row), wave(column))).sum()) for row in range(8) for column in range(8)
    ]
    bits = "".join("1" if value > np.median(sums) else "0" for value in sums)
    assert measure(grey).perceptual_hash == f"{int(bits, 2):016x}"


@given(st.integers(0, 255), st.integers(0, 255))
def test_flat_pictures_all_have_one_hash(one: int, other: int) -> None:
    hashes = {
        measure(bytes([level]) * GREY_SIDE**2).perceptual_hash for level in (max(1, one), max(1, other))
    }
    assert len(hashes) == 1


@given(st.integers(0, 2**64 - 1), st.sets(st.integers(0, 63)))
def test_the_distance_counts_bits(value: int, flipped: set[int]) -> None:
    other = value
    for bit in flipped:
        other ^= 1 << bit
    assert hamming(f"{value:016x}", f"{other:016x}") == len(flipped)


@pytest.mark.parametrize(
    ("source", "changes", "blank"),
    [
        ("color=black:size=320x240", "null", True),
        ("color=white:size=320x240", "null", True),
        ("color=0x2040A0:size=320x240", "null", True),
        ("color=black:size=320x240", "noise=alls=6", True),
        ("color=black:size=1280x720", "drawbox=x=20:y=20:w=60:h=30:color=white:t=fill", True),  # a small logo
        ("color=black:size=1280x720", "drawbox=x=300:y=300:w=600:h=80:color=white:t=fill", False),
        ("color=black:size=320x240", "drawgrid=w=16:h=16:t=1:color=0x303030", False),
        ("gradients=size=320x240:c0=black:c1=0x404040:n=2", "null", False),
        (_PICTURE, "eq=brightness=-0.3", False),
        (_LETTERS, "null", False),
    ],
)
def test_blank_is_what_shows_nothing(source: str, changes: str, blank: bool) -> None:
    assert _measured(source, changes).blank is blank
