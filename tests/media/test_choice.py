"""Options that choose frames among all frames of a video choose exactly these, in every kind of file."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from extractor import extract_frames
from extractor.domain.frames import StoredFrame
from extractor.domain.policy import SamplingPolicy
from extractor.errors import NoFramesError, UnreadableError
from extractor.media.choice import at_random, spread_in_time
from extractor.media.decode.decoder import FrameDecoder
from extractor.media.decode.schedule import make_schedule
from extractor.media.frame_times import FrameTimes
from extractor.media.sampling import EveryInterval, Later, find_targets
from extractor.media.strategies import strategy_of
from extractor.pipeline.local import extract_to_folder, local_config
from extractor.pipeline.resume import frames_made, remaining
from tests.support.media import clips
from tests.support.media.decoding import Decode

_CLIPS = ["vfr.mp4", "untimed.avi"]


@pytest.fixture(scope="module", params=_CLIPS)
def clip(request: pytest.FixtureRequest, clip_dir: Path) -> Path:
    """A clip with a variable frame rate, or one without usable timestamps."""
    if request.param == "vfr.mp4":
        return clips.variable_rate(clip_dir / "choice.mp4")
    return clips.plain(clip_dir / "choice.avi", 4, "libx264 -bf 2 -g 25 -vtag H264")


def _shown(clip: Path) -> list[float]:
    """Return the times of all frames after the first one, by PyAV; AVI stores none, but its frame rate."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        if clip.suffix == ".avi":
            return [number / 25 for number in range(len(frames))]
        times = [frame.pts * frame.time_base for frame in frames]
    return [float(seconds - times[0]) for seconds in times]


def _end(clip: Path) -> float:
    """Return the end of the last frame, which is shown for 1/25 s in all clips."""
    return _shown(clip)[-1] + 0.04


def _rounded(times: Sequence[float]) -> list[float]:
    return [round(seconds, 3) for seconds in times]


@pytest.mark.parametrize("plan", [False, True])
@pytest.mark.parametrize(
    ("start", "end"), [(1.0, 3.5), (0.5, None), (None, -1.3), (-2.2, -0.5), (1.19, 1.45)]
)
def test_every_frame_from_start_until_before_end_is_taken(
    decode: Decode, clip: Path, start: float | None, end: float | None, plan: bool
) -> None:
    policy = SamplingPolicy(interval_seconds=0.001, start_seconds=start, end_seconds=end)
    total = _end(clip)
    first = 0.0 if start is None else start + (total if start < 0 else 0)
    last = total if end is None else end + (total if end < 0 else 0)
    expected = [seconds for seconds in _shown(clip) if first - 1e-6 <= seconds < last - 1e-6]
    assert [seconds for _, seconds in decode(clip, policy, plan=plan).times] == _rounded(expected)


@pytest.mark.parametrize("plan", [False, True])
def test_sample_times_begin_at_start(decode: Decode, clip: Path, plan: bool) -> None:
    policy = SamplingPolicy(start_seconds=0.5, end_seconds=3.5)
    shown = _shown(clip)
    expected = [min(seconds for seconds in shown if seconds >= moment) for moment in (0.5, 1.5, 2.5)]
    assert decode(clip, policy, plan=plan).times == list(enumerate(_rounded(expected)))


def test_a_part_has_the_pictures_of_the_whole(decode: Decode, clip: Path) -> None:
    whole = {
        frame.pts_seconds: frame.data for frame in decode(clip, SamplingPolicy(interval_seconds=0.1)).frames
    }
    part = decode(clip, SamplingPolicy(interval_seconds=0.1, start_seconds=2.0), plan=True).frames
    assert part
    assert all(whole[frame.pts_seconds] == frame.data for frame in part)


@pytest.mark.parametrize("plan", [False, True])
def test_keyframes_of_a_part_keep_their_slots(decode: Decode, clip: Path, plan: bool) -> None:
    whole = decode(clip, SamplingPolicy(strategy="keyframe"), plan=plan).times
    policy = SamplingPolicy(strategy="keyframe", start_seconds=1.0, end_seconds=3.0, max_frames=1)
    inside = [(slot, seconds) for slot, seconds in whole if 1 <= seconds < 3]
    assert decode(clip, policy, plan=plan).times == inside[:1] != whole[:1]


def test_keyframes_without_times_are_not_spread_over_a_part(decode: Decode, clip_dir: Path) -> None:
    clip = clips.plain(clip_dir / "choice.avi", 4, "libx264 -bf 2 -g 25 -vtag H264")
    policy = SamplingPolicy(strategy="keyframe", start_seconds=1.0, max_frames=1, max_frames_mode="spread")
    with pytest.raises(UnreadableError, match="spread"):
        decode(clip, policy)


@pytest.mark.parametrize("strategy", ["uniform", "keyframe"])
def test_a_part_without_frames_is_an_error(decode: Decode, clip: Path, strategy: str) -> None:
    with pytest.raises(NoFramesError):
        decode(clip, SamplingPolicy(strategy=strategy, start_seconds=50.0))  # type: ignore[arg-type]


def test_small_files_are_cut_to_the_part_as_well(clip: Path, tmp_path: Path) -> None:
    """Small files are otherwise indexed and decoded in one run of FFmpeg."""
    policy = SamplingPolicy(start_seconds=0.5, end_seconds=2.0)
    times = [frame.pts_seconds for frame in extract_to_folder(clip, tmp_path, policy, local_config()).frames]
    assert times == pytest.approx([0.52, 1.6 if clip.suffix == ".mp4" else 1.52], abs=0.1)


def test_scenes_of_a_part_give_a_frame_inside_it(clip: Path, tmp_path: Path) -> None:
    """These clips have one scene, which begins before the part."""
    policy = SamplingPolicy(strategy="scene", scene_frame="first", start_seconds=2.0, end_seconds=3.0)
    manifest = extract_to_folder(clip, tmp_path, policy, local_config())
    assert [(frame.slot, frame.pts_seconds) for frame in manifest.frames] == [(0, 2.0)]


@pytest.mark.parametrize("plan", [False, True])
@pytest.mark.parametrize("part", [{}, {"start_seconds": 0.5, "end_seconds": -0.5}])
def test_every_nth_frame_counts_from_the_first_frame_of_the_part(
    decode: Decode, clip: Path, plan: bool, part: Mapping[str, float]
) -> None:
    shown, end = _shown(clip), _end(clip)
    inside = [seconds for seconds in shown if not part or 0.5 <= seconds < end - 0.5 - 1e-6]
    policy = SamplingPolicy(strategy="every_n_frames", every_n_frames=7, **part)  # type: ignore[arg-type]
    assert decode(clip, policy, plan=plan).times == list(enumerate(_rounded(inside[::7])))


@pytest.mark.parametrize("plan", [False, True])
def test_frames_of_given_numbers_are_taken_once_each_and_counted_from_either_end(
    decode: Decode, clip: Path, plan: bool
) -> None:
    shown = _rounded(_shown(clip))
    total = len(shown)
    numbers = (7, -1, 0, 10**6, 7, 3 - total, -total - 1)
    expected = [(number, shown[number]) for number in (0, 3, 7, total - 1)]
    assert decode(clip, SamplingPolicy(strategy="frames", frames=numbers), plan=plan).times == expected


def test_numbers_that_no_frame_has_are_noted(clip: Path, tmp_path: Path) -> None:
    total = len(_shown(clip))
    frames = extract_frames(clip, tmp_path, frames=[total, -total - 1, -total])
    assert [frame.slot for frame in frames] == [0]
    (note,) = (note for note in frames.manifest.notes if "frame numbers" in note)
    assert note.startswith("2 of 3 ")
    assert f"the video has {total} frames: {total}, {-total - 1}" in note


def test_numbers_of_which_no_frame_has_one_are_an_error(decode: Decode, clip: Path) -> None:
    with pytest.raises(NoFramesError):
        decode(clip, SamplingPolicy(strategy="frames", frames=(1000,)))


@pytest.mark.parametrize("plan", [False, True])
def test_a_count_of_frames_is_spread_over_the_time(decode: Decode, clip: Path, plan: bool) -> None:
    shown, end = _shown(clip), _end(clip)
    middles = [1 + (end - 1) * part / 8 for part in (1, 3, 5, 7)]
    expected = [min(seconds for seconds in shown if seconds >= middle - 1e-6) for middle in middles]
    policy = SamplingPolicy(strategy="count", count=4, start_seconds=1.0)
    assert decode(clip, policy, plan=plan).times == list(enumerate(_rounded(expected)))


def test_a_seed_takes_the_same_random_frames_again(decode: Decode, clip: Path) -> None:
    policy = SamplingPolicy(strategy="random", random=6, seed=3)
    found = decode(clip, policy).times
    assert decode(clip, policy, plan=True).times == found
    assert decode(clip, replace(policy, seed=4)).times != found
    assert len(found) == 6
    assert {seconds for _, seconds in found} <= set(_rounded(_shown(clip)))


@pytest.mark.parametrize("ending", ["mp4", "avi"])
def test_each_scene_gives_its_own_number_of_frames(clip_dir: Path, tmp_path: Path, ending: str) -> None:
    clip = clip_dir / f"scenes.{ending}"
    colours = ("red", "green", "blue")
    inputs = " ".join(f"-f lavfi -i color={colour}:s=96x64:d=1" for colour in colours)
    tag = "-vtag H264" if ending == "avi" else ""
    clips.ffmpeg(f"{inputs} -filter_complex concat=n=3 -c:v libx264 -bf 2 {tag} {{0}}", clip)
    policy = SamplingPolicy(strategy="per_scene", per_scene=2, start_seconds=1.5)
    frames = extract_to_folder(clip, tmp_path, policy, local_config()).frames
    found = [(frame.slot, round(frame.pts_seconds, 3)) for frame in frames]
    assert found == [(0, 1.64), (1, 1.88), (2, 2.28), (3, 2.76)]  # in 1.52 to 2 s, and in 2 to 3 s


@pytest.mark.parametrize(
    "policy",
    [
        SamplingPolicy(start_seconds=0.5, interval_seconds=0.7),
        SamplingPolicy(strategy="every_n_frames", every_n_frames=9, max_frames=8, start_seconds=0.1),
        SamplingPolicy(strategy="count", count=8),
        SamplingPolicy(strategy="random", random=8, seed=1),
        SamplingPolicy(strategy="frames", frames=(0, 9, 30, 50, -9, -1)),
    ],
    ids=["start", "every_n_frames", "count", "random", "frames"],
)
@pytest.mark.parametrize("plan", [False, True])
def test_a_later_run_makes_only_the_rest(
    decode: Decode, clip_dir: Path, policy: SamplingPolicy, plan: bool
) -> None:
    whole = decode(clips.variable_rate(clip_dir / "choice.mp4"), policy)
    stored = [
        StoredFrame(frame.index, frame.slot, "", frame.pts_seconds, 1, "0" * 64, 4, 4)
        for frame in whole.frames[:3]
    ]
    schedule = make_schedule(whole.index, policy)
    made = frames_made(stored, schedule, whole.index, policy)
    assert made == 3
    rest = remaining(schedule, made, whole.index, policy)
    decoder = whole.decoder
    decoder = FrameDecoder(decoder.source, whole.index, policy, rest, decoder.budget, use_plan=plan)
    found = [(frame.slot, frame.pts_seconds, frame.data) for frame in decoder]
    assert found == [(frame.slot, frame.pts_seconds, frame.data) for frame in whole.frames[3:]]


_PTS = st.lists(st.integers(0, 10_000), min_size=1, unique=True).map(sorted)
_MOMENT = st.none() | st.integers(-20_000, 20_000).map(lambda ticks: ticks / 100)


@given(_PTS, _MOMENT, st.floats(0.001, 150))
def test_two_parts_are_the_whole(pts: list[int], moment: float | None, interval: float) -> None:
    frames = FrameTimes(pts, Fraction(1, 100), 0.0)
    before = frames.within(SamplingPolicy(end_seconds=moment))
    after = frames.within(SamplingPolicy(start_seconds=moment))
    assert [*before, *after][-len(pts) :] == list(range(len(pts)))
    policy = SamplingPolicy(interval_seconds=interval, start_seconds=moment)
    targets = strategy_of(policy).targets(frames, policy)
    assert list(targets.pts[:1]) == [pts[number] for number in after[:1]]


@given(_PTS, st.fractions(0, 100, max_denominator=1000), st.fractions("1/100", 50, max_denominator=1000))
def test_later_sample_times_are_the_same_times_after_a_start(
    pts: list[int], start: Fraction, interval: Fraction
) -> None:
    time_base = Fraction(1, 100)
    found = find_targets(pts, time_base, Later(EveryInterval(interval), start))
    moments = ((number, start + number * interval) for number in range(101 * 100))
    expected: dict[int, int] = {}
    last = (pts[-1] - pts[0]) * time_base
    for number, moment in moments:
        if moment > last:
            break
        target = next(one for one in pts if (one - pts[0]) * time_base >= moment)
        expected.setdefault(target, number)
    assert [(target.pts, target.slot) for target in found] == list(expected.items())


@given(_PTS, st.data(), st.integers(1, 40))
def test_frames_spread_in_time_are_as_many_as_wanted_and_each_another(
    pts: list[int], data: st.DataObject, count: int
) -> None:
    begin = data.draw(st.integers(0, len(pts)))
    numbers = range(begin, data.draw(st.integers(begin, len(pts))))
    frames = FrameTimes(pts, Fraction(1, 100), 0.0)
    span = frames.shown_for(numbers) if numbers else (Fraction(0), Fraction(1))
    chosen = spread_in_time(frames, numbers, span, count)
    assert len(chosen) == min(count, len(numbers))
    assert chosen == sorted(set(chosen) & set(numbers))


@given(st.integers(1, 500), st.integers(1, 60))
def test_frames_at_a_constant_rate_are_spread_as_evenly_as_they_can_be(total: int, count: int) -> None:
    frames = FrameTimes(range(total), Fraction(1, 25), total / 25)
    chosen = spread_in_time(frames, range(total), (Fraction(0), Fraction(total, 25)), count)
    gaps = {later - earlier for earlier, later in pairwise(chosen)}
    assert not gaps or max(gaps) - min(gaps) <= 1


@given(st.integers(0, 200), st.integers(1, 60), st.integers(0, 1000))
def test_more_random_frames_include_the_fewer(total: int, count: int, seed: int) -> None:
    fewer, more = at_random(range(total), count, seed), at_random(range(total), count + 1, seed)
    assert len(fewer) == min(count, total)
    assert fewer == sorted(set(fewer) & set(more) & set(range(total)))


def test_random_frames_are_the_same_in_every_version() -> None:
    assert at_random(range(100), 5, 0) == [35, 40, 52, 75, 97]


def test_parts_with_the_same_frame_take_the_next_ones() -> None:
    frames = FrameTimes([0, 1, 5000, 9999, 10000], Fraction(1, 100), 0.0)
    assert spread_in_time(frames, range(5), (Fraction(10), Fraction(40)), 3) == [2, 3, 4]
