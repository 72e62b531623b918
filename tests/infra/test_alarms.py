"""What an operator sees: alarms that can go off, and a dashboard."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.handler.conftest import World
from tests.infra.conftest import Render
from tests.infra.rendering import ACCOUNT, REGION, STACK, TEMPLATE, Rendering
from tests.support.servers.http import Answer, serving


def _alarms(rendering: Rendering) -> Iterator[dict[str, Any]]:
    for item in rendering.resources.values():
        if item["Type"] == "AWS::CloudWatch::Alarm":
            yield item["Properties"]


def test_every_alarm_reaches_the_topic(render: Render) -> None:
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:operators"
    alarms = list(_alarms(render(AlarmTopicArn=topic)))
    assert [alarm["AlarmActions"] for alarm in alarms] == [[topic]] * 8
    assert all("AlarmActions" not in alarm for alarm in _alarms(render()))


def test_every_alarm_is_explained(render: Render) -> None:
    text = (TEMPLATE.parents[1] / "docs" / "howto" / "deploy.md").read_text()
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


def test_the_alarm_for_standstill_waits_longer_than_any_invocation(render: Render) -> None:
    rendering = render(TimeoutSeconds=900)
    alarm = rendering.properties("StalledAlarm")
    inputs = {query["Id"]: query["MetricStat"] for query in alarm["Metrics"] if "MetricStat" in query}
    assert inputs["begun"]["Metric"]["MetricName"] == "Invocations"
    assert inputs["waiting"]["Stat"] == "Minimum"
    assert min(query["Period"] for query in inputs.values()) >= int(
        rendering.properties("Function")["Timeout"]
    )
    assert alarm["EvaluationPeriods"] >= 2
    assert [query["Id"] for query in alarm["Metrics"] if query.get("ReturnData", True)] == ["stalled"]


def test_what_was_stopped_on_purpose_is_no_standstill(render: Render) -> None:
    assert "StalledAlarm" in render().resources
    assert "StalledAlarm" not in render(Enabled="false").resources


@pytest.mark.parametrize(("name", "status"), [("AccessDeniedAlarm", 401), ("StateAlarm", 503)])
def test_the_alarms_for_failures_look_at_the_metric_that_the_worker_writes(
    world: World,
    render: Render,
    settings: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    name: str,
    status: int,
) -> None:
    alarm = render(MetricsNamespace="Ours").properties(name)
    with serving(lambda _: Answer(status)) as url:
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
