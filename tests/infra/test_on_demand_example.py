"""The example of the function URL: its handler exists, IAM decides who may ask, and it only reads videos."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from cfnlint.api import lint
from cfnlint.decode import decode

from extractor.settings import ALL_VARIABLES

EXAMPLE = Path(__file__).parents[2] / "infra" / "on-demand" / "template.yaml"


def _properties(name: str) -> dict[str, Any]:
    template, problems = decode(EXAMPLE)
    assert not problems
    properties: dict[str, Any] = json.loads(json.dumps(template["Resources"][name]["Properties"]))
    return properties


def test_the_template_is_sound() -> None:
    assert [str(problem) for problem in lint(EXAMPLE.read_text(), regions=["us-east-1"])] == []


def test_the_function_runs_the_handler_of_the_image_with_known_settings() -> None:
    properties = _properties("Function")
    assert properties["PackageType"] == "Image"
    ((module, _, name),) = (command.rpartition(".") for command in properties["ImageConfig"]["Command"])
    assert callable(getattr(import_module(module), name))
    assert properties["Environment"]["Variables"].keys() <= ALL_VARIABLES


def test_only_signed_requests_are_let_in() -> None:
    assert _properties("Url")["AuthType"] == "AWS_IAM"


def test_the_role_reads_the_bucket_of_the_videos_and_writes_logs_and_no_more() -> None:
    (policy,) = _properties("Role")["Policies"]
    bucket = "arn:${AWS::Partition}:s3:::${VideosBucket}"
    assert {
        json.dumps(statement["Action"]): statement["Resource"]
        for statement in policy["PolicyDocument"]["Statement"]
    } == {
        '"s3:GetObject"': {"Fn::Sub": f"{bucket}/*"},
        '"s3:ListBucket"': {"Fn::Sub": bucket},
        '["logs:CreateLogStream", "logs:PutLogEvents"]': {"Fn::GetAtt": ["Logs", "Arn"]},
    }
