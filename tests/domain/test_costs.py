"""The cost of a video is the sum of what AWS lists for it."""

import pytest

from extractor.domain.costs import US_EAST_1, Cost, Workload, cost_per_video, videos_within


def test_a_video_costs_what_its_requests_and_seconds_cost() -> None:
    cost = cost_per_video(Workload(seconds_per_video=2.0, memory_mb=1024, frames_per_video=9, batch_size=10))
    assert cost.queue == pytest.approx(0.3 * 0.40e-6)
    assert cost.compute == pytest.approx(0.1 * 0.20e-6 + 2 * 0.0000166667)
    assert cost.storage_requests == pytest.approx(10 * 5e-6 + 2 * 0.4e-6)
    assert cost.total == pytest.approx(cost.queue + cost.compute + cost.storage_requests)


@pytest.mark.parametrize("field", ["seconds_per_video", "memory_mb", "frames_per_video"])
def test_more_of_anything_costs_more(field: str) -> None:
    usual = Workload()
    more = Workload(**{field: getattr(usual, field) * 2})
    assert cost_per_video(more).total > cost_per_video(usual).total


def test_a_million_usual_videos_cost_some_two_hundred_dollars() -> None:
    assert 1_000_000 * cost_per_video(Workload(), US_EAST_1).total == pytest.approx(206, abs=1)


@pytest.mark.parametrize(("budget", "videos"), [(0.0, 0), (0.99, 0), (1.0, 1), (2.5, 2), (1000.0, 1000)])
def test_a_budget_is_never_passed(budget: float, videos: int) -> None:
    assert videos_within(budget, Cost(0.25, 0.25, 0.5)) == videos
