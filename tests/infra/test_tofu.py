"""The OpenTofu module and the CloudFormation template describe the same deployment."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.docs.tofu_files import variable_name
from tests.infra.conftest import Render
from tests.infra.rendering import ACCOUNT, MINIMAL, REGION, RefusedError
from tests.infra.tofu import Module
from tests.infra.tofu_resources import KINDS, normal, resources_of

_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
_SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:hook-AbCdEf"

_CASES: dict[str, dict[str, str]] = {
    "defaults": {},
    "everything": {
        "EnvironmentKmsKeyArn": _KEY,
        "KmsKeyArn": _KEY,
        "BucketsKmsKeyArn": _KEY,
        "Versioning": "true",
        "AccessLogBucket": "their-logs",
        "S3Events": "true",
        "StateBackend": "dynamodb",
        "ReserveConcurrency": "true",
        "SubnetIds": "subnet-01,subnet-02",
        "SecurityGroupIds": "sg-01",
        "Tracing": "true",
        "AlarmTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:operators",
        "NotifyTarget": f"arn:aws:sqs:{REGION}:{ACCOUNT}:done",
        "NotifySecretArn": _SECRET,
        "Architecture": "arm64",
        "MaxReceives": "7",
        "MetricsNamespace": "Other",
        "FrameInterval": "0.5",
        "Output": "tar",
        "TimeoutSeconds": "60",
        "MaxVideoMb": "200",
    },
    "existing": {
        "VideosBucket": "their-videos",
        "FramesBucket": "their-frames",
        "VideosTable": "their-table",
        "StateBackend": "dynamodb",
        "S3Events": "true",
        "Enabled": "false",
        "NotifyTarget": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/done",
        "TimeoutSeconds": "300",
        "MaxVideoMb": "500",
    },
    "webhook": {
        "KmsKeyArn": _KEY,
        "NotifyTarget": "https://receiver.example/hook",
        "TimeoutSeconds": "120",
        "MaxVideoMb": "1000",
    },
    "topic": {
        "NotifyTarget": f"arn:aws:sns:{REGION}:{ACCOUNT}:done",
        "TimeoutSeconds": "180",
        "MaxVideoMb": "2000",
    },
    "longest": {"FramesBucket": "their-frames", "TimeoutSeconds": "600", "MaxVideoMb": "5000"},
}

NewModule = Callable[..., Module]


@pytest.fixture
def module(tmp_path: Path) -> NewModule:
    """The module for parameters of the template."""
    return lambda **parameters: Module(tmp_path, MINIMAL | parameters)


@pytest.mark.parametrize("case", _CASES)
def test_both_describe_the_same_resources_with_the_same_rights_and_settings(
    render: Render, module: NewModule, case: str
) -> None:
    ours, theirs = render(**_CASES[case]), module(**_CASES[case])
    expected = {name: normal(item["Properties"]) for name, item in ours.resources.items()}
    found = {name: normal(properties) for name, properties in resources_of(theirs).items()}
    for name in expected.keys() | found.keys():
        assert found.get(name) == expected.get(name), name
    outputs = {variable_name(name): normal(value) for name, value in ours.outputs.items()}
    assert {name: normal(value) for name, value in theirs.outputs().items()} == outputs


def test_no_resource_is_left_out_of_the_comparison(module: NewModule) -> None:
    data = {"aws_caller_identity", "aws_partition", "aws_region"}
    assert module(**_CASES["everything"]).types().keys() - data == {f"aws_{kind}" for kind in KINDS}


def test_defaults_are_the_same(template: dict[str, Any], module: NewModule) -> None:
    defaults = module().defaults()
    expected = {
        variable_name(name): str(one["Default"])
        for name, one in template["Parameters"].items()
        if "Default" in one
    }
    assert defaults.pop("settings") == {}
    assert defaults.pop("name") == "frame-extractor"
    # What is no variable of its own is a setting that is empty, so that it is not even passed.
    assert {expected.pop(name) for name in expected.keys() - defaults.keys()} == {""}
    assert {name: "" if value == [] else normal(value) for name, value in defaults.items()} == expected


@pytest.mark.parametrize("which", ["bad", "least", "most"])
def test_limits_are_the_same(template: dict[str, Any], render: Render, module: NewModule, which: str) -> None:
    """Each parameter with a value at or beyond its limit, all at once for the module."""
    given = {name: _candidate(one, which) for name, one in template["Parameters"].items()}
    theirs = module(**given)
    refused = theirs.refused_variables() | theirs.refused_settings()
    for name, value in given.items():
        try:
            _ = render(**{name: value}).resources
        except RefusedError as error:
            is_refused = str(error).startswith(f"{name} may not")
        else:
            is_refused = False
        assert (variable_name(name) in refused) == is_refused, (name, value)


def _candidate(declared: Mapping[str, Any], which: str) -> str:
    if "AllowedValues" in declared:
        allowed = [str(one) for one in declared["AllowedValues"]]
        if allowed in (["true", "false"], ["false", "true"]):
            return allowed[0]  # a bool, which OpenTofu checks by itself
        return "7" if which == "bad" else allowed[0 if which == "least" else -1]
    if "MinValue" in declared:
        least, most = int(declared["MinValue"]), int(declared["MaxValue"])
        return str({"bad": most + 1, "least": least, "most": most}[which])
    if which == "bad":
        return "a b*"
    return str(declared.get("Default", MINIMAL["ImageUri"])) if which == "least" else "101"


@pytest.mark.parametrize(
    "parameters",
    [
        {"SupabaseUrl": ""},
        {"SupabaseKeySecretArn": ""},
        {"SubnetIds": "subnet-01"},
        {"SecurityGroupIds": "sg-01"},
        {"NotifyTarget": "https://sqs.us-east-1.amazonaws.com/123456789012/done"},
        {"NoSuchSetting": "1"},
        {"Output": "zip"},
    ],
)
def test_what_cannot_work_is_refused_by_both(
    render: Render, module: NewModule, parameters: dict[str, str]
) -> None:
    with pytest.raises(RefusedError):
        _ = render(**parameters).resources
    theirs = module(**parameters)
    assert len(theirs.refused_variables()) + len(theirs.failed_conditions()) == 1
    assert not module().failed_conditions()


def test_what_holds_data_is_not_destroyed(module: NewModule, template: dict[str, Any]) -> None:
    kept = {name for name, item in template["Resources"].items() if item.get("DeletionPolicy") == "Retain"}
    assert kept == {"NewVideos", "NewVideosPolicy", "NewFrames", "NewFramesPolicy", "Table"}
    assert module(StateBackend="dynamodb").protected() == {"s3_bucket": 2, "dynamodb_table": 1}
