"""Two videos at the same time in one worker, of which one delivery is broken: both end well."""

from pathlib import Path

from tests.proof.crash import FRESH, Clip
from tests.proof.crash_table import crash_test, every_point_once
from tests.proof.pair import VARIABLES, run_pair

EVERY = 8  # all by hand: python -m tests.proof pair


def test_whatever_breaks_two_videos_at_a_time_both_end_well(clip: Clip, tmp_path: Path) -> None:
    with crash_test("sqlite", FRESH, clip, tmp_path, VARIABLES) as test:
        points = sorted(run_pair(test, None).effects)
        pairs = [run_pair(test, fault) for fault in list(every_point_once(points))[::EVERY]]
    assert {str(pair.fault): pair.violations for pair in pairs if pair.violations} == {}
    assert len(pairs) > 3
