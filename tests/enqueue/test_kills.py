"""Nothing that was to be queued is lost, however often the enqueuer is killed. The same with more kills:
`python -m tests.enqueue.soak --rows 100000`."""

import signal

import pytest

from tests.enqueue.soak import BARE_SCHEMA, Outcome, Scenario, play


def check(outcome: Outcome, scenario: Scenario) -> None:
    assert outcome.statuses == [-signal.SIGKILL] * scenario.kills + [0]
    assert outcome.missing == []
    assert outcome.stale == []
    assert not outcome.checkpoint_left
    # A kill repeats what was on its way, and what was confirmed and not noted or not in the checkpoint yet.
    assert outcome.duplicates <= outcome.lost + scenario.kills * 1500


@pytest.mark.failure_row(43)
@pytest.mark.failure_row(44)
@pytest.mark.failure_row(45)
@pytest.mark.failure_row(46)
def test_a_large_backlog_is_queued_through_faults_flips_and_three_kills() -> None:
    scenario = Scenario(rows=6_000, kills=3)
    check(play(scenario), scenario)


@pytest.mark.failure_row(40)
@pytest.mark.failure_row(45)
def test_without_a_column_for_what_is_queued_the_checkpoint_alone_does_it() -> None:
    scenario = Scenario(rows=3_000, kills=1, schema=BARE_SCHEMA)
    check(play(scenario), scenario)
