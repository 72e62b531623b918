"""What the comparison prints follows from what was measured."""

from pathlib import Path
from typing import cast

import pytest

from benchmarks.support import tools
from benchmarks.support.ground_truth import Truth
from benchmarks.support.kinds import KEYFRAMES, SCENES, interval_kind
from benchmarks.support.results import (
    NO_TIMES,
    Cost,
    Exactness,
    Failed,
    FFmpegRuns,
    Floor,
    Result,
    Sample,
    middle,
    split_cost,
)
from benchmarks.support.series import Series, Video
from benchmarks.support.tables import render_details, render_series, render_targets
from benchmarks.support.targets import Target, jobs_target, targets_of

EVERY_SECOND = interval_kind(1)
NO_RUNS = FFmpegRuns()
FLOOR = Floor(Cost(0.4, 0.5), decoding_cpu_seconds=0.3, start_cpu_seconds=0.05)


def sample(warm: float, whole: float | None = None, runs: FFmpegRuns = NO_RUNS) -> Sample:
    return Sample(Cost(warm, warm), Cost(whole or warm, whole or warm), 80.0, 3, NO_TIMES, runs)


def video(name: str, size_bytes: int = 1_000_000) -> Video:
    return Video(name, Path(name), size_bytes, "h264", "", cast("Truth", None))


def series_of(*ratios: float, sizes: tuple[int, ...] = (), floors: bool = False) -> Series:
    """The project takes these ratios of the baseline's 2 s; all other tools are missing."""
    videos = [video(f"v{number}", size) for number, size in enumerate(sizes or (1_000_000,) * len(ratios))]
    results: dict[tuple[str, str], Result] = {
        (one.name, tool.name): Failed("not installed") for one in videos for tool in EVERY_SECOND.tools
    }
    for one, ratio in zip(videos, ratios, strict=True):
        results[one.name, tools.PROJECT.name] = sample(2 * ratio, 4 * ratio)
        results[one.name, tools.FPS.name] = sample(2)
    return Series(EVERY_SECOND, videos, results, {one.name: FLOOR for one in videos} if floors else {})


def test_the_parts_of_a_cost_add_up_to_the_warm_total() -> None:
    runs = FFmpegRuns(image_count=1, image_cpu_seconds=0.5, other_count=2, other_cpu_seconds=0.2)
    split = split_cost(sample(0.8, runs=runs), FLOOR)
    assert split is not None
    assert split.start_count == 3
    assert split.starts == pytest.approx(0.15)
    assert split.listing == pytest.approx(0.1)
    assert split.decoding == pytest.approx(0.25)
    assert split.rest == pytest.approx(0.2)
    assert split.python == pytest.approx(0.1)
    assert split.starts + split.listing + split.decoding + split.rest + split.python == pytest.approx(0.8)


def test_a_cost_without_known_runs_of_ffmpeg_is_not_split() -> None:
    assert split_cost(sample(0.8), FLOOR) is None


def test_the_middle_is_the_median_and_a_failure_remains_one() -> None:
    exact = Sample(Cost(9, 9), Cost(9, 9), 80.0, 3, Exactness(0.1, 0.2, None, None))
    found = middle([exact, sample(1), sample(2)])
    assert isinstance(found, Sample)
    assert found.warm.cpu_seconds == 2
    assert found.exactness == exact.exactness
    assert middle([exact, Failed("not installed")]) == Failed("not installed")


def test_the_arithmetic_mean_is_what_the_target_is_for() -> None:
    mean = targets_of(series_of(0.1, 1.2))[0]
    assert (mean.measured, mean.geometric) == pytest.approx((0.65, 0.3464), abs=1e-4)
    assert mean.limit == 0.62
    assert not mean.is_met
    assert targets_of(series_of(0.1, 1.1))[0].is_met


def test_small_files_have_a_limit_of_their_own() -> None:
    targets = targets_of(series_of(0.9, 1.04, sizes=(80_000, 79_999)))
    worst = {target.limit: target for target in targets if "worst" in target.text}
    assert (worst[1.00].measured, worst[1.05].measured) == pytest.approx((0.9, 1.04))
    assert worst[1.05].is_met
    assert not next(it for it in targets_of(series_of(1.04)) if "worst" in it.text).is_met


def test_the_ratio_to_the_floor_is_a_target() -> None:
    target = targets_of(series_of(0.2, 0.3, floors=True))[-1]
    assert (target.limit, target.measured) == pytest.approx((1.10, (0.4 + 0.6) / 2 / 0.4))


def test_a_throughput_must_reach_its_target() -> None:
    assert jobs_target({1: Cost(20, 18), 2: Cost(20, 10)}).is_met
    assert not jobs_target({1: Cost(20, 17), 2: Cost(20, 10)}).is_met
    assert "| ≥ 1.80 | 1.70 | – | **no** |" in render_targets(
        [jobs_target({1: Cost(20, 17), 2: Cost(20, 10)})]
    )


def test_a_target_is_compared_as_it_is_printed() -> None:
    assert Target("", 0.62, 0.6249).is_met
    assert not Target("", 0.62, 0.6251).is_met


def test_every_kind_says_what_it_is_relative_to_and_why_a_tool_has_no_number() -> None:
    page = render_series(series_of(0.5, floors=True))
    assert "relative to `ffmpeg -vf fps`" in page
    assert "| this project | 0.50 | 0.50 | 0.50 | 1.00 | 1.00 | 1.00 | – | 1 of 1 |" in page
    assert "| v0 | 0.50 | 1.00 | 0.20 | 2.50 | 1.00 | not installed |" in page
    assert "| OpenCV | not installed |" in page


def test_a_file_has_one_table_of_all_kinds() -> None:
    one = series_of(0.5)
    page = render_details(one.videos[0], [one, one])
    assert page.count("| --- |") == 1
    assert page.count("| One frame every 1 s: this project | 3 | 1.00 | 2.00 | 1.00 | 2.00 | 80 |") == 2
    assert page.count("decord | not installed |") == 2


def test_the_project_and_the_baseline_are_measured_whatever_tools_are_chosen() -> None:
    names = [[tool.name for tool in kind.only(["pyav"]).tools] for kind in (EVERY_SECOND, KEYFRAMES, SCENES)]
    assert names == [
        ["this project", "ffmpeg -vf fps", "PyAV"],
        ["this project, keyframes", "ffmpeg -skip_frame nokey", "PyAV, skip_frame"],
        ["this project, JPEG", "this project, WebP", "PySceneDetect, then OpenCV"],
    ]
