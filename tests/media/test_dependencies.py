"""Frames that no wanted frame depends on are not decoded; the wanted ones stay bit-identical."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from extractor.domain.frames import DecodeLimits
from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.probe.index import read_index
from extractor.media.references.av1_dependencies import Dependencies
from tests.support.media import clips
from tests.support.media.decoding import Decode, Decoded

_AOM = "-c:v libaom-av1 -cpu-used 8"
_SVT = "-c:v libsvtav1 -preset 12 -svtav1-params lp=1"

# name, what FFmpeg makes it with; all of them have hidden frames, frames shown later, or layers of frames
_CLIPS: Sequence[tuple[str, str]] = (
    ("svt.mp4", _SVT),
    ("svt_layers.mp4", f"{_SVT}:hierarchical-levels=5"),
    ("svt_low_delay.mkv", f"{_SVT}:pred-struct=1"),
    ("svt_open.mp4", f"{_SVT}:irefresh-type=1 -g 33"),
    ("svt_grain.mp4", f"{_SVT}:film-grain=25"),
    ("svt_deep.webm", f"{_SVT} -pix_fmt yuv420p10le"),
    ("svt_resized.mp4", f"{_SVT}:resize-mode=1:resize-denom=12"),
    ("aom.mkv", f"{_AOM} -g 30"),
    ("aom_no_lag.mp4", f"{_AOM} -lag-in-frames 0"),
    ("aom_no_order.mkv", f"{_AOM} -aom-params enable-order-hint=0"),
    ("aom_grain.mkv", f"{_AOM} -aom-params film-grain-test=7"),
    ("aom_tiles.mp4", f"{_AOM} -tiles 2x2"),
    ("aom.ivf", f"{_AOM} -g 30"),
)

_POLICIES = (
    SamplingPolicy(interval_seconds=0.1),
    SamplingPolicy(interval_seconds=2.0),
    SamplingPolicy(strategy="timestamps", timestamps_seconds=(0.5, 1.01, 1.02, 3.3, 77)),
    SamplingPolicy(interval_seconds=0.2, max_frames=3, max_frames_mode="spread"),
)


@pytest.fixture(scope="session", params=_CLIPS, ids=lambda clip: clip[0])
def clip(request: pytest.FixtureRequest, clip_dir: Path) -> Path:
    name, options = request.param
    path = clip_dir / f"dependencies-{name}"
    picture = "192x128:rate=25" if _SVT in options else "128x128:rate=15"  # libaom takes its time
    clips.ffmpeg(f"-f lavfi -i testsrc2=size={picture}:duration=4 -pix_fmt yuv420p {options} {{0}}", path)
    return path


def _images(decoded: Decoded) -> list[tuple[int, float, bytes]]:
    return [(frame.slot, frame.pts_seconds, frame.data) for frame in decoded.frames]


def _dependencies(decoded: Decoded) -> Dependencies | None:
    return decoded.index.order.dependencies if decoded.index.order else None


@pytest.mark.parametrize("policy", _POLICIES, ids=["0.1 s", "2 s", "timestamps", "spread"])
def test_a_decode_of_what_the_wanted_frames_depend_on_is_bit_identical(
    decode: Decode, clip: Path, policy: SamplingPolicy
) -> None:
    full = decode(clip, policy)
    assert _dependencies(full) is not None
    assert _images(decode(clip, policy, plan=True, index=full.index)) == _images(full)


def test_frames_in_layers_need_few_others(decode: Decode, clip_dir: Path) -> None:
    path = clip_dir / "dependencies-few.mp4"
    clips.ffmpeg(f"-f lavfi -i testsrc2=size=192x128:rate=25:duration=8 {_SVT} {{0}}", path)
    dependencies = _dependencies(decode(path))
    assert dependencies is not None
    assert len(dependencies.shown) == 200
    assert len(dependencies) > 200  # some are hidden
    assert sum(dependencies.needed_frames(range(0, 200, 50))) < 30


def test_numbered_frames_must_not_be_missing(decode: Decode, clip_dir: Path) -> None:
    path = clip_dir / "dependencies-numbered.mkv"
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size=96x64:rate=25:duration=1 {_AOM} -error-resilience default {{0}}", path
    )
    decoded = decode(path)
    assert decoded.index.order is not None
    assert decoded.index.order.dependencies is None


def test_frames_without_times_of_their_own_are_all_decoded(decode: Decode, clip_dir: Path) -> None:
    path = clip_dir / "dependencies-untimed.obu"
    clips.ffmpeg(f"-f lavfi -i testsrc2=size=96x64:rate=25:duration=2 {_AOM} {{0}}", path)
    decoded = decode(path, plan=True)
    assert decoded.times == [(0, 0.0), (1, 1.0)]
    assert not decoded.decoder.is_planned


def test_a_damaged_video_is_listed_in_full_all_the_same(clip_dir: Path, tmp_path: Path) -> None:
    whole = clip_dir / "dependencies-whole.mp4"
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size=192x128:rate=25:duration=4 {_SVT} -movflags +faststart {{0}}", whole
    )
    damaged = clips.bit_rot(tmp_path / "source", whole, every_bytes=900)
    limits = DecodeLimits()
    budget = ProcessLimits(time.monotonic() + 60, limits.stall_seconds, limits.memory_bytes)
    index = read_index(DecoderInput(damaged, limits, find_ffmpeg()), budget, SamplingPolicy())
    assert len(index.packets) == 100
    assert index.order is not None
    assert index.order.dependencies is None


def test_a_file_that_only_seems_to_be_av1_has_its_own_order(decode: Decode, clip_dir: Path) -> None:
    path = clip_dir / "dependencies-seems.mkv"
    clips.ffmpeg(
        "-f lavfi -i testsrc2=size=192x128:rate=25:duration=2 -metadata title=V_AV1"
        " -c:v libx264 -g 20 -bf 3 {0}",
        path,
    )
    order = decode(path).index.order
    assert order is not None
    assert order.dependencies is None
    assert not all(order.reference)
