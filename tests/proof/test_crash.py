"""A delivery is broken at each of its effects; nothing untrue is ever told, and the video ends well."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proof.crash import FRESH, SCENARIOS, Clip, CrashTest
from tests.proof.crash_table import crash_test, every_point_once


@pytest.fixture
def test(request: pytest.FixtureRequest, clip: Clip, tmp_path: Path) -> Iterator[CrashTest]:
    store, scenario = request.param
    with crash_test(store, scenario, clip, tmp_path) as test:
        yield test


@pytest.mark.failure_row(28)
@pytest.mark.failure_row(30)
@pytest.mark.failure_row(33)
@pytest.mark.failure_row(34)
@pytest.mark.failure_row(38)
@pytest.mark.parametrize(
    "test",
    [
        *(("sqlite", scenario) for scenario in SCENARIOS),
        ("supabase", FRESH),
        ("dynamodb", FRESH),
    ],
    ids=lambda pair: f"{pair[0]}, {pair[1].name}",
    indirect=True,
)
def test_whatever_breaks_the_promise_holds_and_the_video_ends_well(test: CrashTest) -> None:
    cases = [test.run(fault) for fault in every_point_once(test.points())]
    assert {str(case.fault): case.violations for case in cases if case.violations} == {}
