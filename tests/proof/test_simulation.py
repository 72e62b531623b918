"""Thousands of schedules in which workers meet, pause, fail and die: the promise holds after every effect."""

from pathlib import Path

import pytest

from tests.proof.scenarios import RISKY, SAFE, SLICED_POLICIES, TWO_POLICIES, TWO_POLICIES_CLAIMED, Setup
from tests.proof.simulation import simulate

SEEDS = 100  # twice as many as the latest planted bug needs to show: tests.proof.test_bugs
KNOWN = ("is not what its manifest states", "is listed and missing")
SEEDS_ON_DISK = 15  # where the state is a real SQLite file


@pytest.mark.failure_row(33)
@pytest.mark.failure_row(34)
@pytest.mark.failure_row(38)
@pytest.mark.failure_row(41)
@pytest.mark.failure_row(42)
@pytest.mark.parametrize("setup", SAFE, ids=lambda setup: setup.name)
def test_no_schedule_breaks_the_promise(setup: Setup, tmp_path: Path) -> None:
    for seed in range(SEEDS_ON_DISK if setup.state == "sqlite" else SEEDS):
        run = simulate(setup, seed, tmp_path / "work")
        assert not run.violation, f"--setup '{setup.name}' --seed {seed}\n" + "\n".join(run.trace)


def test_a_seed_is_a_schedule(tmp_path: Path) -> None:
    first, second = (simulate(SAFE[0], 7, tmp_path / "work") for _ in range(2))
    assert first.trace == second.trace
    assert simulate(SAFE[0], 8, tmp_path / "work").trace != first.trace


@pytest.mark.failure_row(42)
@pytest.mark.parametrize("setup", RISKY, ids=lambda setup: setup.name)
def test_whatever_meets_every_message_is_settled_and_every_manifest_was_seen_by_who_replaced_it(
    setup: Setup, tmp_path: Path
) -> None:
    """This holds even if workers with different policies or versions meet; see docs/explanation/proof.md."""
    for seed in range(SEEDS // 2):
        run = simulate(setup, seed, tmp_path / "work")
        assert not run.violation or run.violation.endswith(KNOWN), "\n".join(run.trace)
        if setup not in (TWO_POLICIES, TWO_POLICIES_CLAIMED, SLICED_POLICIES):
            assert not run.damage, "\n".join(run.trace)
