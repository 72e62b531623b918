"""Long videos and many frames work: no limit on argument length applies, and the cost per frame or packet
does not grow."""

import tracemalloc
from array import array
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from benchmarks import long_videos
from extractor.domain.frames import StoredFrame
from extractor.domain.policy import SamplingPolicy
from extractor.media.decode.decoder import FrameDecoder
from extractor.media.decode.schedule import DecodeSchedule, make_schedule
from extractor.media.ffmpeg.expressions import select_expression
from extractor.media.ffmpeg.filters import PROGRESSIVE_SDR
from extractor.media.ffmpeg.packets import PacketTable
from extractor.media.probe.video_index import VideoIndex
from extractor.media.references.required_packets import DecodeOrder
from extractor.media.sampling import (
    EveryInterval,
    GivenTimes,
    TargetFrame,
    Targets,
    find_targets,
    snap_to_cheaper,
)
from extractor.pipeline.resume import frames_made, remaining
from tests.support.media import clips
from tests.support.media.decoding import Decode

_PACKETS = 100_000
_RATE = 30
_TICKS = 3_000  # of a ninety-thousandth of a second, for one frame


def _index(count: int) -> VideoIndex:
    """Return the index of an H.264 stream: a keyframe every 150 frames, every third frame is a reference."""
    pts = array("q", range(0, count * _TICKS, _TICKS))
    keys = bytearray(number % 150 == 0 for number in range(count))
    references = bytearray(number % 3 == 0 for number in range(count))
    none = bytearray(count)
    return VideoIndex(
        ffmpeg_version="9.0.2",
        container="mov,mp4",
        stream=0,
        codec="h264",
        width=96,
        height=64,
        rotation_degrees=0.0,
        hdr=None,
        pixel_format="yuv420p",
        picture=PROGRESSIVE_SDR,
        packets=PacketTable(Fraction(1, 90_000), pts, keys, count * _TICKS),
        order=DecodeOrder(references, keys, none, none),
        shown_pts=list(pts),
        frame_count=count,
        duration_seconds=count / _RATE,
        expected_seconds=count / _RATE,
        claimed_seconds=None,
        truncated=False,
    )


@pytest.fixture(scope="module")
def long_index() -> VideoIndex:
    return _index(_PACKETS)


def _moments(count: int) -> tuple[float, ...]:
    return tuple(number * _PACKETS / _RATE / count for number in range(count))


_MANY = {
    "every frame": (SamplingPolicy(interval_seconds=1 / _RATE), _PACKETS),
    "every second frame": (SamplingPolicy(interval_seconds=2 / _RATE), _PACKETS // 2),
    "timestamps": (
        SamplingPolicy(strategy="timestamps", timestamps_seconds=_moments(_PACKETS // 4)),
        _PACKETS // 4,
    ),
    "spread": (
        SamplingPolicy(interval_seconds=1 / _RATE, max_frames=_PACKETS // 4, max_frames_mode="spread"),
        _PACKETS // 4,
    ),
    "tolerance": (SamplingPolicy(interval_seconds=4 / _RATE, tolerance_seconds=0.05), _PACKETS // 4),
    "first": (SamplingPolicy(interval_seconds=1 / _RATE, max_frames=_PACKETS // 4), _PACKETS // 4),
    "keyframes": (SamplingPolicy(strategy="keyframe"), -(-_PACKETS // 150)),
}


@pytest.mark.failure_row(51)
@pytest.mark.parametrize("name", _MANY)
def test_a_long_video_gets_its_schedule(name: str, long_index: VideoIndex) -> None:
    """A quadratic algorithm would exceed the time limit of the tests."""
    policy, count = _MANY[name]
    schedule = make_schedule(long_index, policy)
    assert schedule.targets is not None
    assert schedule.selection is not None
    assert len(schedule.targets) == count
    assert schedule.plan is None or len(schedule.plan.packets) < 2 * _PACKETS
    assert len(select_expression(schedule.selection)) < 50 * count
    assert (schedule.plan is None) == (name == "every frame")


def test_the_schedule_takes_little_memory(long_index: VideoIndex) -> None:
    policy, _ = _MANY["spread"]
    tracemalloc.start()
    try:
        make_schedule(long_index, policy)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 64 * _PACKETS


@pytest.mark.parametrize("name", ["every second frame", "timestamps", "spread", "tolerance", "first"])
def test_going_on_leaves_the_rest_of_the_schedule(name: str, long_index: VideoIndex) -> None:
    policy, count = _MANY[name]
    schedule = make_schedule(long_index, policy)
    assert schedule.plan is not None
    made = count - 5_000
    stored = [_stored(number, target) for number, target in enumerate(schedule.plan.targets[:made])]
    assert frames_made(stored, schedule, long_index, policy) == made
    rest = remaining(schedule, made, long_index, policy)
    assert rest.targets == schedule.targets[made:] if schedule.targets else False
    assert rest.plan is not None
    assert rest.plan.targets == schedule.plan.targets[made:]
    assert _chosen(long_index, rest) == list(rest.targets or ())
    # Afterwards there is nothing left that FFmpeg would go on for.
    assert rest.selection is not None
    assert rest.selection.max_frames in (None, 5_000)


def _stored(number: int, target: TargetFrame) -> StoredFrame:
    return StoredFrame(number, target.slot, "", float(target.pts * Fraction(1, 90_000)), 1, "", 96, 64)


def _chosen(index: VideoIndex, schedule: DecodeSchedule) -> list[TargetFrame]:
    """Return which of all frames the sample times of the selection select."""
    assert schedule.selection is not None
    targets = find_targets(index.shown_pts, index.time_base, schedule.selection.sample_times)
    return list(targets[: schedule.selection.max_frames])


_SORTED = st.lists(st.integers(0, 500), unique=True, min_size=1).map(sorted)


@given(_SORTED, st.lists(_SORTED, min_size=1, max_size=2), st.integers(0, 50))
def test_a_relaxed_target_is_the_nearest_of_the_first_kind_in_reach(
    pts: list[int], kinds: list[list[int]], tolerance: int
) -> None:
    relaxed = list(snap_to_cheaper(Targets(range(len(pts)), pts), tolerance, kinds).pts)
    for place, time in enumerate(pts):
        least = max(time - tolerance, relaxed[place - 1] + 1 if place else 0)
        most = min(time + tolerance, pts[place + 1] - 1 if place + 1 < len(pts) else 1_000)
        reach = [[one for one in kind if least <= one <= most] for kind in kinds]
        nearest = next((min(near, key=lambda one: abs(one - time)) for near in reach if near), time)
        assert abs(relaxed[place] - time) == abs(nearest - time)


@given(_SORTED, st.fractions(Fraction(1, 3), 50, max_denominator=30), st.data())
def test_the_rest_of_regular_sample_times_has_the_rest_of_the_targets(
    times: list[int], interval: Fraction, data: st.DataObject
) -> None:
    whole = find_targets(times, Fraction(1), EveryInterval(interval))
    done = data.draw(st.integers(0, len(whole) - 1))
    rest = find_targets(times, Fraction(1), EveryInterval(interval, whole[done].slot))
    # The frames before answer none of the sample times that are left.
    assert rest == whole[done:]


@given(
    st.integers(1, 2**31 - 1),
    st.lists(st.integers(1, 10**12), unique=True, min_size=1, max_size=20).map(sorted),
)
def test_timestamps_as_they_were_printed_give_the_same_frames_in_any_time_base(
    ticks_per_second: int, times: list[int]
) -> None:
    time_base = Fraction(1, ticks_per_second)
    seconds = [float(time * time_base) for time in times]
    policy = SamplingPolicy(strategy="timestamps", timestamps_seconds=tuple(seconds))
    index = _index(1)
    schedule = make_schedule(
        _with_times(index, [0, *times], time_base),
        policy,
    )
    assert schedule.targets is not None
    found = [float(target.pts * time_base) for target in schedule.targets]
    assert found == sorted(set(seconds))


def _with_times(index: VideoIndex, times: Sequence[int], time_base: Fraction) -> VideoIndex:
    pts = array("q", times)
    packets = PacketTable(time_base, pts, bytearray([1]) * len(times), times[-1] + 1)
    return replace(index, packets=packets, order=None, shown_pts=list(times))


def test_an_interval_that_ffmpeg_cannot_compute_with_is_listed() -> None:
    index = _with_times(_index(1), range(0, 10**15, 10**13), Fraction(1, 10**9))
    schedule = make_schedule(index, SamplingPolicy(interval_seconds=20_000_000_000 / 999_983))
    assert schedule.selection is not None
    assert isinstance(schedule.selection.sample_times, GivenTimes)
    assert _chosen(index, schedule) == list(schedule.targets or ())


@pytest.fixture(scope="module")
def long_clip(clip_dir: Path) -> Path:
    """6,000 frames, a keyframe every five."""
    clip = clip_dir / "long.mp4"
    encoded = "libx264 -preset ultrafast -bf 2 -g 5 -keyint_min 5 -sc_threshold 0 -pix_fmt yuv420p"
    return clips.plain(clip, 200, encoded, f"testsrc2=size=64x32:rate={_RATE}")


_CEILINGS = {
    "timestamps": SamplingPolicy(
        strategy="timestamps", timestamps_seconds=tuple(number * 0.1 for number in range(1_500))
    ),
    "spread": SamplingPolicy(interval_seconds=1 / _RATE, max_frames=1_500, max_frames_mode="spread"),
    "tolerance": SamplingPolicy(interval_seconds=0.125, tolerance_seconds=0.04),
}


@pytest.mark.failure_row(51)
@pytest.mark.parametrize("name", _CEILINGS)
@pytest.mark.parametrize("plan", [True, False], ids=["planned", "in full"])
def test_more_frames_are_listed_than_an_argument_can_hold(
    decode: Decode, long_clip: Path, name: str, plan: bool
) -> None:
    found = decode(long_clip, _CEILINGS[name], plan=plan)
    schedule = found.decoder.schedule
    assert schedule.plan is not None
    targets = schedule.plan.targets if plan else schedule.targets
    assert targets is not None
    assert len(targets) >= 1_500
    expected = [(target.slot, float(target.pts * found.index.time_base)) for target in targets]
    assert [(frame.slot, frame.pts_seconds) for frame in found.frames] == expected


@pytest.mark.failure_row(51)
def test_more_keyframes_than_an_argument_can_list(decode: Decode, long_clip: Path) -> None:
    found = decode(long_clip, SamplingPolicy(strategy="keyframe"), plan=True)
    assert [frame.pts_seconds for frame in found.frames] == pytest.approx([n / 6 for n in range(1_200)])


@pytest.mark.failure_row(51)
def test_going_on_with_more_frames_than_an_argument_can_list(decode: Decode, long_clip: Path) -> None:
    policy = SamplingPolicy(interval_seconds=0.1)
    whole = decode(long_clip, SamplingPolicy(max_frames=1))
    index = whole.index
    schedule = make_schedule(index, policy)
    assert schedule.targets is not None
    rest = remaining(schedule, 500, index, policy)
    decoder = FrameDecoder(whole.decoder.source, index, policy, rest, whole.decoder.budget)
    frames = list(decoder)
    assert [frame.slot for frame in frames] == list(range(500, 2_000))
    assert [frame.pts_seconds for frame in frames] == pytest.approx([slot / 10 for slot in range(500, 2_000)])


def test_the_command_for_long_videos_prints_whether_each_case_is_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--hours", "0.02", "--keep", str(tmp_path), "--video", "H.264 in MP4"]
    cases = [option for case in ("keyframes", "scenes", "going on") for option in ("--case", case)]
    assert long_videos.main([*arguments, *cases]) == 0
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 5
    assert "| H.264 in MP4 | scenes | ok | 2 | 2 |" in table[3]
