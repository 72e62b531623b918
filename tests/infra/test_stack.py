"""The template as a CloudFormation sees it: the stack is made, with what the parameters say."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.infra.account import Account
from tests.infra.conftest import Render

_CHOICES = [
    {},
    {
        "TimeoutSeconds": "120",
        "MaxReceives": "9",
        "BatchSize": "3",
        "BatchingWindowSeconds": "20",
        "MaximumConcurrency": "7",
        "QueueRetentionSeconds": "172800",
    },
]


@pytest.mark.failure_row(49)
@pytest.mark.parametrize("choice", _CHOICES, ids=["defaults", "other choices"])
def test_mapping_redrive_and_visibility_are_as_the_parameters_say(
    account: Account, template: Mapping[str, Any], render: Render, choice: dict[str, str]
) -> None:
    wanted = render(**choice)
    account.create(template, **choice)
    queue, dead_letters = (account.queue_attributes(name) for name in ("videos", "dead-letters"))
    assert queue["VisibilityTimeout"] == str(wanted.properties("Queue")["VisibilityTimeout"])
    assert queue["MessageRetentionPeriod"] == wanted.parameters["QueueRetentionSeconds"]
    assert int(queue["MessageRetentionPeriod"]) < int(dead_letters["MessageRetentionPeriod"])
    assert json.loads(queue["RedrivePolicy"]) == {
        "deadLetterTargetArn": dead_letters["QueueArn"],
        "maxReceiveCount": int(wanted.parameters["MaxReceives"]),
    }
    (mapping,) = account.client("lambda").list_event_source_mappings(FunctionName=account.stack)[
        "EventSourceMappings"
    ]
    assert mapping["EventSourceArn"] == queue["QueueArn"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert str(mapping["BatchSize"]) == wanted.parameters["BatchSize"]
    assert str(mapping["MaximumBatchingWindowInSeconds"]) == wanted.parameters["BatchingWindowSeconds"]
    assert str(mapping["ScalingConfig"]["MaximumConcurrency"]) == wanted.parameters["MaximumConcurrency"]


@pytest.mark.parametrize("parameters", [{}, {"StateBackend": "dynamodb"}, {"VideosBucket": "theirs"}])
def test_the_environment_is_what_the_rendering_says(
    account: Account, template: Mapping[str, Any], render: Render, parameters: dict[str, str]
) -> None:
    """So that what the other tests read in the rendering may be believed."""
    account.create(template, **parameters)
    assert account.function()["Environment"]["Variables"].keys() == render(**parameters).variables.keys()
