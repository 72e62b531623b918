"""FFmpeg evaluates the expressions for frames and packets with chosen timestamps."""

import re
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.ffmpeg.expressions import (
    LARGEST_INTEGER,
    FrameSelection,
    at_most,
    drop_expression,
    packet_filter,
    select_expression,
)
from extractor.media.sampling import EveryInterval, GivenTimes, SampleTimes, Targets, at_targets, find_targets

_NOT_WHILE_MADE = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_TIME_BASE = Fraction(1, 90_000)


def _ffmpeg(*arguments: str) -> str:
    command = [find_ffmpeg(), "-v", "error", "-nostdin", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def _pts(listing: str) -> list[int]:
    lines = (line for line in listing.splitlines() if not line.startswith("#"))
    return [int(line.split(",")[2]) for line in lines]


def _selected(
    times: Sequence[int], expression: str, folder: Path, time_base: Fraction = _TIME_BASE
) -> list[int]:
    """Return which of the frames with these timestamps FFmpeg selects."""
    (folder / "expression").write_text(expression)
    steps, values = range(1, len(times)), [*times]
    given_times = "".join(f"if(lt(N,{step}),{value}," for step, value in zip(steps, values, strict=False))
    (folder / "times").write_text(given_times + str(times[-1]) + ")" * (len(times) - 1))
    graph = f"settb={time_base},setpts=/expr={folder / 'times'},select=/expr={folder / 'expression'}"
    pictures = f"color=size=16x16:rate=25:duration={len(times) / 25}"
    output = ("-vf", graph, "-fps_mode", "passthrough", "-enc_time_base", "filter", "-f", "framecrc", "-")
    return _pts(_ffmpeg("-f", "lavfi", "-i", pictures, *output))


_TIMES = st.lists(st.integers(1, 300_000), min_size=1, max_size=40).map(
    lambda steps: [sum(steps[:place]) for place in range(len(steps) + 1)]
)


@st.composite
def _sample_times(draw: st.DrawFn) -> SampleTimes:
    if draw(st.booleans()):
        interval = draw(st.fractions(Fraction(1, 100), 10, max_denominator=1001))
        return EveryInterval(interval, draw(st.integers(0, 5)))
    moments = sorted(draw(st.sets(st.fractions(0, 60, max_denominator=1001), min_size=1, max_size=40)))
    return GivenTimes(moments, range(len(moments)))


@_NOT_WHILE_MADE
@given(_TIMES, st.integers(0, 10**9), _sample_times(), st.none() | st.integers(1, 10), st.booleans())
def test_ffmpeg_selects_just_the_targets(
    tmp_path: Path,
    times: list[int],
    start: int,
    sample_times: SampleTimes,
    most: int | None,
    is_start_known: bool,
) -> None:
    times = [start + time for time in times]
    targets = find_targets(times, _TIME_BASE, sample_times)
    selection = FrameSelection(sample_times, _TIME_BASE, start if is_start_known else None, most)
    assert _selected(times, select_expression(selection), tmp_path) == list(targets.pts)[:most]


@_NOT_WHILE_MADE
@given(_TIMES, st.data())
def test_ffmpeg_selects_listed_frames(tmp_path: Path, times: list[int], data: st.DataObject) -> None:
    chosen = sorted(data.draw(st.sets(st.sampled_from(times), min_size=1)))
    selection = FrameSelection(
        at_targets(Targets(range(len(chosen)), chosen), times[0], _TIME_BASE), _TIME_BASE, times[0]
    )
    assert _selected(times, select_expression(selection), tmp_path) == chosen


@pytest.mark.parametrize("time_base", [Fraction(1), Fraction(1, 90_000), Fraction(1, 1_000_000_000)])
def test_ffmpeg_selects_the_targets_in_any_time_base(tmp_path: Path, time_base: Fraction) -> None:
    times = [round(Fraction(number, 25) / time_base) for number in range(0, 2_000, 25)]
    sample_times = EveryInterval(Fraction(7, 3))
    targets = find_targets(times, time_base, sample_times)
    selection = FrameSelection(sample_times, time_base, times[0])
    assert _selected(times, select_expression(selection), tmp_path, time_base) == list(targets.pts)


def test_a_frame_before_those_already_seen_is_not_selected_again(tmp_path: Path) -> None:
    times = [0, 90_000, 180_000, 10_000, 100_000, 270_000]
    for sample_times in (EveryInterval(Fraction(1)), GivenTimes([0, 1, 2, 3], range(4))):
        expression = select_expression(FrameSelection(sample_times, _TIME_BASE, 0))
        assert _selected(times, expression, tmp_path) == [0, 90_000, 180_000, 270_000]


def test_at_most_takes_the_first_ones(tmp_path: Path) -> None:
    times = list(range(10))
    assert _selected(times, at_most(3, "gt(n,1)"), tmp_path) == [2, 3, 4]
    assert _selected(times, at_most(None, "gt(n,6)"), tmp_path) == [7, 8, 9]


@_NOT_WHILE_MADE
@given(st.lists(st.booleans(), min_size=1, max_size=400))
def test_ffmpeg_drops_what_is_not_needed(tmp_path: Path, needed: list[bool]) -> None:
    (tmp_path / "filter").write_text(packet_filter(drop_expression(needed)))
    pictures = f"color=size=16x16:rate=25:duration={len(needed) / 25}"
    codec = ("-c:v", "rawvideo", "-/bsf:v", str(tmp_path / "filter"), "-f", "framecrc", "-")
    found = _pts(_ffmpeg("-f", "lavfi", "-i", pictures, *codec))
    assert found == [place for place, keep in enumerate(needed) if keep]


def _depth(expression: str) -> int:
    depth = deepest = 0
    for bracket in re.findall(r"[()]", expression):
        depth += 1 if bracket == "(" else -1
        deepest = max(deepest, depth)
    return deepest


@pytest.mark.failure_row(51)
def test_a_million_targets_and_packets_stay_within_what_ffmpeg_can_parse() -> None:
    targets = Targets(range(1_000_000), range(0, 3_000_000, 3))
    selection = FrameSelection(at_targets(targets, 0, _TIME_BASE), _TIME_BASE, 0)
    expression = select_expression(selection)
    assert len(expression) < 40 * len(targets)
    assert _depth(expression) < 50, "FFmpeg's parser gives up at 100"
    plan = drop_expression([number % 3 == 0 for number in range(5_000_000)])
    assert len(plan) < 5_000_000
    assert _depth(plan) < 50
    numbers = (int(number) for number in re.findall(r"\d+", plan))
    assert max(numbers) < LARGEST_INTEGER


@pytest.mark.failure_row(51)
def test_a_hundred_thousand_targets_are_selected(tmp_path: Path) -> None:
    targets = Targets(range(100_000), range(0, 300_000, 3))
    expression = select_expression(FrameSelection(at_targets(targets, 0, _TIME_BASE), _TIME_BASE, 0))
    assert _selected(list(range(30)), expression, tmp_path) == list(range(0, 30, 3))
