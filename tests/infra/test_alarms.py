"""What an operator sees: alarms that can go off, and a dashboard."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.handler.conftest import World
from tests.infra.conftest import Render
from tests.infra.rendering import ACCOUNT, REGION, STACK, TEMPLATE, Rendering
from tests.servers.http import Answer, serving


def _alarms(rendering: Rendering) -> Iterator[dict[str, Any]]:
    for item in rendering.resources.values():
        if item["Type"] == "AWS::CloudWatch::Alarm":
            yield item["Properties"]


def test_every_alarm_reaches_the_topic(render: Render) -> None:
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:operators"
    alarms = list(_alarms(render(AlarmTopicArn=topic)))
    assert len(alarms) == 6
    assert [alarm["AlarmActions"] for alarm in alarms] == [[topic]] * 6
    assert all("AlarmActions" not in alarm for alarm in _alarms(render()))


def test_every_alarm_is_explained(render: Render) -> None:
    text = (TEMPLATE.parents[1] / "docs" / "operations.md").read_text()
    for alarm in _alarms(render()):
        assert f"`{alarm['AlarmName'].removeprefix(f'{STACK}-')}`" in text


def test_the_dashboard_is_json_and_shows_the_alarm_lines(render: Render) -> None:
    rendering = render(TimeoutSeconds=300, OldestMessageAlarmSeconds=3600)
    widgets = json.loads(rendering.properties("Dashboard")["DashboardBody"])["widgets"]
    lines = [
        line["value"]
        for widget in widgets
        for line in widget["properties"].get("annotations", {}).get("horizontal", [])
    ]
    assert lines == [3600, 270_000]
    places = [(widget["x"], widget["y"]) for widget in widgets]
    assert len(set(places)) == len(places)


def test_the_alarm_for_denied_access_looks_at_the_metric_that_the_worker_writes(
    world: World, render: Render, settings: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    alarm = render(MetricsNamespace="Ours").properties("AccessDeniedAlarm")
    with serving(lambda _: Answer(401)) as url:
        settings(
            STATE_BACKEND="supabase", SUPABASE_URL=url, SUPABASE_KEY="withdrawn", METRICS_NAMESPACE="Ours"
        )
        assert world.deliver({"code": "abc"}) == [0]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    (written,) = (line for line in lines if alarm["MetricName"] in line)
    (metrics,) = written["_aws"]["CloudWatchMetrics"]
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
    assert metrics["Namespace"] == alarm["Namespace"]
    assert [sorted(names) for names in metrics["Dimensions"]] == [sorted(dimensions)]
    assert {name: written[name] for name in dimensions} == dimensions
