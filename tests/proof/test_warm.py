"""A worker that is used again and again, and fails now and then, holds on to nothing."""

from pathlib import Path

import pytest

from tests.proof.crash import FRESH, Clip
from tests.proof.crash_table import crash_test
from tests.proof.warm import is_flat, run_warm

INVOCATIONS = (
    35  # each way to fail comes after the first look, too; a thousand by hand: python -m tests.proof warm
)


@pytest.mark.failure_row(24)
@pytest.mark.failure_row(28)
@pytest.mark.failure_row(30)
def test_nothing_grows_over_many_invocations(clip: Clip, tmp_path: Path) -> None:
    with crash_test("sqlite", FRESH, clip, tmp_path) as test:
        looks = run_warm(test, INVOCATIONS)
    assert is_flat(looks), looks
