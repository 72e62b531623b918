"""The simulated time of a video in slices follows from what slices cost, and from when workers start."""

import pytest

from benchmarks.support.slices_model import SliceCost, fits, last_frame_seconds

_COST = SliceCost(seconds_per_video_second=0.1, fixed_seconds=2)


def test_the_cost_of_a_slice_is_what_slices_take_more_than_one_piece() -> None:
    cost = SliceCost.fit(100, [30, 30, 30, 30], 1000)
    assert cost.fixed_seconds == pytest.approx(20 / 3)
    assert cost.slice_seconds(1000, 1) == pytest.approx(100)
    assert sum(cost.slice_seconds(1000, 4) for _ in range(4)) == pytest.approx(120)


def test_one_worker_makes_slices_one_after_the_other_and_many_at_once() -> None:
    slice_seconds = 2 + 100 / 4
    assert last_frame_seconds(_COST, 1000, 4, workers=1) == pytest.approx(2 + 4 * slice_seconds)
    assert last_frame_seconds(_COST, 1000, 4, workers=2) == pytest.approx(2 + 2 * slice_seconds)
    assert last_frame_seconds(_COST, 1000, 4, workers=1000) == pytest.approx(2 + slice_seconds)


def test_workers_beyond_the_first_five_start_later() -> None:
    assert last_frame_seconds(_COST, 1000, 10, workers=1000) == pytest.approx(2 + 5 / 5 + 2 + 100 / 10)


def test_one_piece_is_not_sent_again_and_may_not_fit_an_invocation() -> None:
    assert last_frame_seconds(_COST, 10_000, 1, workers=1000) == pytest.approx(2 + 1000)
    assert not fits(_COST, 10_000, 1)
    assert fits(_COST, 10_000, 2)
