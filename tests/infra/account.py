"""An AWS account to deploy to (moto's), and the scripts that do it, by the real AWS CLI."""

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.infra.rendering import MINIMAL, TEMPLATE

SCRIPTS = TEMPLATE.parents[1] / "scripts"


@dataclass(frozen=True)
class Account:
    """An AWS account, a stack's name that is free in it, and the scripts."""

    stack: str
    client: Callable[[str], Any]
    environment: Mapping[str, str]
    folder: Path

    def run(self, script: str, *arguments: str, answer: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [SCRIPTS / script, *arguments, "--stack", self.stack],
            env=self.environment,
            cwd=self.folder,
            input=answer,
            capture_output=True,
            text=True,
            check=False,
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
