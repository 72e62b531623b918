"""How the emulator's answers are read, and its log lines made readable."""

import pytest

from local.invoke import has_failures
from local.lambda_runtime.emulator import read_answer
from local.lambda_runtime.function import FunctionError, TimedOutError
from local.readable_logs import readable


def test_a_result_is_what_the_handler_returned() -> None:
    assert read_answer(200, b'{"batchItemFailures": []}') == {"batchItemFailures": []}
    assert read_answer(200, b"null") is None


def test_a_time_out_is_recognised_by_its_sentence() -> None:
    with pytest.raises(TimedOutError, match=r"5\.00 seconds"):
        read_answer(200, b"Task timed out after 5.00 seconds")


@pytest.mark.parametrize("status", [200, 502])
def test_an_error_is_recognised_whatever_the_status(status: int) -> None:
    with pytest.raises(FunctionError, match="ValueError: no"):
        read_answer(status, b'{"errorType": "ValueError", "errorMessage": "no"}')


@pytest.mark.parametrize("body", [b"", b"\xff no json", b"Bad Gateway"])
def test_anything_else_is_an_error(body: bytes) -> None:
    with pytest.raises(FunctionError):
        read_answer(502, body)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"batchItemFailures": []}, False),
        ({"batchItemFailures": [{"itemIdentifier": "1"}]}, True),
        ({"results": [{"code": "a", "outcome": "extracted"}]}, False),
        ({"results": [{"code": "a", "outcome": "extracted"}, {"code": "b", "outcome": "failed"}]}, True),
    ],
)
def test_failed_videos_are_seen_in_the_answer(answer: object, expected: bool) -> None:
    assert has_failures(answer) is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"level": "INFO", "message": "done", "timestamp": "now", "code": "a"}', "INFO     done code=a"),
        (
            '{"_aws": {"CloudWatchMetrics": [{"Dimensions": [["service"]],'
            ' "Metrics": [{"Name": "Frames"}]}]}, "service": "x", "Frames": [3.0]}',
            "METRICS  service=x Frames=3",
        ),
        (
            '{"level": "ERROR", "message": "no", "exception": "Traceback\\n  line"}',
            "ERROR    no\nTraceback\n  line",
        ),
        ("START RequestId: 1\r  more", "START RequestId: 1\n  more"),
        ("\x1b[2Jgone", "\N{REPLACEMENT CHARACTER}[2Jgone"),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_a_log_line_is_made_readable_and_harmless(line: str, expected: str) -> None:
    assert readable(line) == expected
