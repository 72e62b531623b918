"""A worker outside of Lambda breaks at each of its calls to the queue; no message and no outcome is lost."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.proof.bugs import Patch, served
from tests.proof.crash import FRESH, Clip, faults
from tests.proof.crash_table import crash_test
from tests.proof.effects import MODES, Fault, Mode


@pytest.mark.failure_row(28)
@pytest.mark.failure_row(60)
@pytest.mark.parametrize(("store", "modes"), [("sqlite", MODES), ("dynamodb", ("kill after",))])
def test_a_served_message_is_never_gone_before_its_outcome_is_recorded(
    store: str, modes: tuple[Mode, ...], clip: Clip, tmp_path: Path
) -> None:
    with crash_test(store, FRESH, clip, tmp_path, is_served=True) as test:
        points = test.points()
        of_the_queue = [point for point in points if point.startswith("SQS") and "Send" not in point]
        assert of_the_queue == ["SQS GetQueueAttributes #1", "SQS ReceiveMessage #1", "SQS DeleteMessage #1"]
        flips = [point for point in points if point.startswith(("SQLite UPDATE", "DynamoDB"))]
        cases = [test.run(fault) for fault in (*faults(of_the_queue, modes), Fault(flips[-1], "kill before"))]
        assert {str(case.fault): case.violations for case in cases if case.violations} == {}


@pytest.mark.parametrize(
    ("plant", "mode"),
    [(served.deleted_before_the_outcome, "kill before"), (served.deleted_though_it_failed, "fail before")],
)
def test_the_crash_table_notices_a_message_that_is_deleted_too_early(
    plant: Callable[[Patch], None], mode: Mode, clip: Clip, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with crash_test("sqlite", FRESH, clip, tmp_path, is_served=True) as test:
        fault = Fault("SQLite UPDATE #1", mode)
        assert fault in list(faults(test.points()))
        plant(monkeypatch.setattr)
        assert any("nothing tells" in text for text in test.run(fault).violations)
