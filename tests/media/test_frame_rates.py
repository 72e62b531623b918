"""Scenes are found at any frame rate and in any time base that a file can have."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.domain.policy import DETECTORS, Detector, SamplingPolicy, exact_seconds
from extractor.media.scenes.cut_detector import CutDetector
from extractor.media.scenes.downscale import downscale_spec
from extractor.media.scenes.finder import nominal_rate
from tests.support.media import clips
from tests.support.media.decoding import Decode


@given(st.floats(0, 1e12))
def test_every_rate_is_one_that_the_detectors_take(frame_rate: float) -> None:
    rate = nominal_rate(frame_rate)
    assert rate >= Fraction(1, 10_000_000)
    if frame_rate > 2e-7:
        assert float(rate) == pytest.approx(frame_rate, rel=1e-3)


@pytest.mark.parametrize(
    ("frame_rate", "meant"),
    [
        (29.97002997, Fraction(30_000, 1_001)),
        (23.976024, Fraction(24_000, 1_001)),
        (25.0, Fraction(25)),
        (0.2, Fraction(1, 5)),
        (3 / 9_000, Fraction(1, 3_000)),
        (1e-9, Fraction(1, 10_000_000)),
        (1e9, Fraction(10**9)),
        (0.0, Fraction(25)),
    ],
)
def test_the_nominal_rate_is_the_one_that_was_meant(frame_rate: float, meant: Fraction) -> None:
    assert nominal_rate(frame_rate) == meant


_ALWAYS_INSTALLED = [name for name in DETECTORS if name != "transnetv2"]


@pytest.mark.parametrize("detector", _ALWAYS_INSTALLED)
@pytest.mark.parametrize("frame_rate", [1e-9, 1 / 3_000, 0.2, 1.0, 60.0, 1e6, 1e9])
def test_a_cut_is_found_at_any_rate(detector: Detector, frame_rate: float) -> None:
    stream = downscale_spec(64, 48, "yuv420p")
    finder = CutDetector(stream, nominal_rate(frame_rate), detector)
    for number in range(12):
        bright = 200 if number // 6 else 0
        finder.feed(bytes([bright, number, 255 - bright]) * (64 * 48), number / frame_rate)
    assert {cut.frame for cut in finder.finish()} <= set(range(12))


@pytest.fixture(scope="module")
def slow_clip(clip_dir: Path) -> Path:
    """Three frames, fifty minutes apart."""
    clip = clip_dir / "slow.mp4"
    times = "-vf setpts=N*3000/TB -fps_mode passthrough -enc_time_base 1:1000"
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size=96x64:rate=25:duration=0.12 {times} -c:v libx264 -bf 0 {{0}}", clip
    )
    return clip


@pytest.mark.parametrize("detector", _ALWAYS_INSTALLED)
def test_a_video_of_three_pictures_in_hours_has_its_scenes(
    decode: Decode, slow_clip: Path, detector: Detector
) -> None:
    found = decode(slow_clip, SamplingPolicy(interval_seconds=2_000, scene_detector=detector))
    assert [frame.pts_seconds for frame in found.frames] == [0, 3_000, 6_000]
    assert found.decoder.scenes
    assert found.decoder.scenes[0].start_seconds == 0


@pytest.mark.parametrize(("timescale", "rate"), [(1, 1), (90_000, 25), (1_000_000_000, 25)])
def test_a_time_base_does_not_matter(decode: Decode, clip_dir: Path, timescale: int, rate: int) -> None:
    """MP4 with this time scale, decoded in full, with a plan, and for its scenes."""
    clip = clip_dir / f"timescale-{timescale}.mp4"
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size=96x64:rate={rate}:duration={9 / rate} -c:v libx264 -g 3 -bf 2"
        f" -video_track_timescale {timescale} {{0}}",
        clip,
    )
    every_frame = [(number, round(number / rate, 3)) for number in range(9)]
    for policy in (SamplingPolicy(interval_seconds=1 / rate, scene_detector=detector) for detector in _SOME):
        found = decode(clip, policy)
        assert found.index.time_base == Fraction(1, timescale)
        assert found.times == every_frame
    planned = decode(clip, SamplingPolicy(interval_seconds=3 / rate), plan=True)
    assert planned.decoder.is_planned
    assert planned.times == [(slot // 3, time) for slot, time in every_frame[::3]]


_SOME: tuple[Detector | None, ...] = (None, "content")


def test_the_smallest_interval_is_exact() -> None:
    assert exact_seconds(1e-6) == Fraction(1, 1_000_000)


def test_the_smallest_interval_takes_every_frame(decode: Decode, plain_clip: Path) -> None:
    policy = SamplingPolicy(interval_seconds=1e-6)
    for plan in (True, False):
        found = decode(plain_clip, policy, plan=plan)
        assert len(found.frames) == found.index.frame_count
        assert found.frames[1].slot == 1, "the first sample time after the frame before"
