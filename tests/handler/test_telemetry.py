"""What an operator sees of the handler's work: metrics, log lines, traces."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.handler.conftest import World


def test_metrics_are_lines_that_cloudwatch_reads(
    world: World, plain_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.add_video("good", plain_clip)
    world.add_row("missing")
    world.deliver({"code": "good"}, {"code": "missing"})
    metrics: dict[str, object] = {}
    for line in capsys.readouterr().out.splitlines():
        if '"_aws"' in line:
            metrics |= json.loads(line)
    assert metrics["Frames"] == [4.0]
    assert metrics["reason"] == "VIDEO_MISSING"
    for name in ("Videos", "FrameBytes", "DownloadSeconds", "ExtractSeconds", "RealTimeFactor", "Failures"):
        assert name in metrics


def test_each_outcome_is_one_log_line_with_its_request(
    world: World, plain_clip: Path, logs: io.StringIO
) -> None:
    world.add_video("good", plain_clip)
    world.add_row("missing")
    world.add_row("waiting", is_fetched=False)
    world.deliver({"code": "good"}, {"code": "missing"}, {"code": "waiting"})
    lines = {line["code"]: line for line in map(json.loads, logs.getvalue().splitlines())}
    assert (lines["good"]["message"], lines["good"]["outcome"]) == ("done", "extracted")
    assert (lines["missing"]["message"], lines["missing"]["reason"]) == ("failed for good", "VIDEO_MISSING")
    assert (lines["waiting"]["message"], lines["waiting"]["reason"]) == (
        "another delivery is needed",
        "NOT_FETCHED",
    )
    assert all(line["function_request_id"] for line in lines.values())


def test_stages_are_traced_where_that_is_asked_for(
    world: World, plain_clip: Path, settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")  # no daemon is here to take the segments
    settings(TRACING="true")
    world.add_video("abc", plain_clip)
    assert world.deliver({"code": "abc"}) == []
    assert world.is_extracted("abc")
