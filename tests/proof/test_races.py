"""Eight workers, each a process of its own, are given the same message at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proof.crash import FRESH, Clip, CrashTest
from tests.proof.crash_table import crash_test
from tests.proof.races import race

WORKERS = 8


@pytest.fixture(params=["sqlite", "supabase", "dynamodb"])
def test(request: pytest.FixtureRequest, clip: Clip, tmp_path: Path) -> Iterator[CrashTest]:
    with crash_test(request.param, FRESH, clip, tmp_path) as test:
        yield test


@pytest.mark.failure_row(41)
def test_one_result_comes_of_many_workers(test: CrashTest) -> None:
    test.points()  # an undisturbed run to compare with
    finish = race(test, FRESH.options, WORKERS)
    assert finish.wrong == ()
    assert list(test.check_outcome(finish.view)) == []
    manifest = finish.view.manifest
    assert manifest is not None
    assert set(finish.view.objects) == manifest.keys | {finish.view.manifest_key}
