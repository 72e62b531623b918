"""An AWS account to deploy to (moto's), and the scripts that do it, in this process."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from tempfile import TemporaryFile
from typing import Any
from unittest.mock import patch

from infra import deploy, destroy
from tests.infra.rendering import MINIMAL, TEMPLATE

SCRIPTS = TEMPLATE.parents[1] / "scripts"

_MAINS = {"deploy.sh": deploy.main, "destroy.sh": destroy.main}


@dataclass(frozen=True)
class Result:
    """What a script has printed, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


def run_script(script: str, *arguments: str, environment: Mapping[str, str], answer: str = "") -> Result:
    """Run the Python of a script with this environment, and with `answer` as its standard input."""
    stdout, stderr = StringIO(), StringIO()
    with (
        TemporaryFile("w+", encoding="utf-8") as stdin,
        patch.dict(os.environ, environment, clear=True),
        patch.object(sys, "argv", [script, *arguments]),
        patch.object(sys, "stdin", stdin),
        redirect_stdout(stdout),
        redirect_stderr(stderr),
    ):
        stdin.write(answer)
        stdin.seek(0)
        status = _MAINS[script]()
    return Result(status, stdout.getvalue(), stderr.getvalue())


@dataclass(frozen=True)
class Account:
    """An AWS account, a stack's name that is free in it, and the scripts."""

    stack: str
    client: Callable[[str], Any]
    environment: Mapping[str, str]

    def run(self, script: str, *arguments: str, answer: str = "") -> Result:
        """Run a script on the stack."""
        return run_script(
            script, *arguments, "--stack", self.stack, environment=self.environment, answer=answer
        )

    def status(self) -> str | None:
        stacks = self.client("cloudformation").describe_stacks()["Stacks"]
        found = [stack["StackStatus"] for stack in stacks if stack["StackName"] == self.stack]
        return found[0] if found else None

    def create(self, template: Mapping[str, Any], **parameters: str) -> None:
        """A stack as if deployed before. (moto knows the outputs only of those made without a change set,
        and takes a parameter for changed whose default it was not given.)"""
        values = {name: str(item.get("Default", "")) for name, item in template["Parameters"].items()}
        values |= MINIMAL | parameters
        self.client("cloudformation").create_stack(
            StackName=self.stack,
            TemplateBody=TEMPLATE.read_text(),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
            Capabilities=["CAPABILITY_IAM"],
        )

    def function(self) -> dict[str, Any]:
        configuration: dict[str, Any] = self.client("lambda").get_function_configuration(
            FunctionName=self.stack
        )
        return configuration

    def queue_attributes(self, name: str) -> dict[str, str]:
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=f"{self.stack}-{name}")["QueueUrl"]
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        attributes: dict[str, str] = answer["Attributes"]
        return attributes

    def buckets(self) -> set[str]:
        return {
            bucket["Name"]
            for bucket in self.client("s3").list_buckets()["Buckets"]
            if bucket["Name"].startswith(self.stack)
        }
