"""A local function starts, fails, times out and starts again as one does on Lambda."""

from pathlib import Path

import pytest

from local.lambda_runtime.function import FunctionError, InitError, TimedOutError
from tests.local.tiny import Witness, tiny_function


def test_a_time_out_kills_the_whole_group_and_the_next_call_starts_cold(
    task_root: Path, witness: Witness
) -> None:
    with tiny_function(task_root, "hang", timeout_seconds=2) as function:
        first = function.invoke("not yet")
        assert function.invoke("not yet") == first
        with pytest.raises(TimedOutError):
            function.invoke("now")
        witness.wait_for(b"x")
        witness.wait_for(b"")
        assert function.invoke("not yet") != first


def test_the_handler_learns_who_it_is_and_how_long_it_has(task_root: Path) -> None:
    with tiny_function(task_root, "echo", timeout_seconds=20) as function:
        answer = function.invoke({"text": "é"})
        assert answer["event"] == {"text": "é"}
        assert 10_000 < answer["left"] <= 20_000
        assert answer["arn"].endswith(f":function:{answer['name']}")
        assert answer["pid"] == function.pid
    assert "a line of the handler" in (task_root / "log").read_text()


def test_an_error_of_the_handler_leaves_it_warm(task_root: Path) -> None:
    with tiny_function(task_root, "fail") as function:
        function.warm_up()
        warm = function.pid
        with pytest.raises(FunctionError) as caught:
            function.invoke({})
        assert (caught.value.error_type, function.pid) == ("ValueError", warm)


def test_a_handler_that_ends_its_process_fails_and_the_next_call_starts_cold(task_root: Path) -> None:
    with tiny_function(task_root, "leave") as function:
        for _ in range(2):
            with pytest.raises(FunctionError) as caught:
                function.invoke({})
            assert (caught.value.error_type, function.pid) == ("Runtime.ExitError", None)


def test_a_handler_that_cannot_be_loaded_is_told_from_one_that_fails(task_root: Path) -> None:
    with tiny_function(task_root, "no_such_name") as function, pytest.raises(InitError) as caught:
        function.invoke({})
    assert caught.value.error_type == "AttributeError"
