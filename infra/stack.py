"""One CloudFormation stack, through boto3."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from infra.statuses import Kind

_CHANGE_SET_POLLS = {"Delay": 2, "MaxAttempts": 900}  # half an hour
_STACK_POLLS = {"Delay": 5, "MaxAttempts": 720}  # an hour


@dataclass(frozen=True, slots=True)
class StackState:
    """The state of an existing stack.

    Attributes:
        status: Its status, such as ``CREATE_COMPLETE``.
        parameters: Values of its parameters by name.
        outputs: Values of its outputs by name.
    """

    status: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]

    @classmethod
    def from_response(cls, stack: Mapping[str, Any]) -> Self:
        """Build it from a stack in the response of DescribeStacks."""
        return cls(
            status=stack["StackStatus"],
            parameters={
                item["ParameterKey"]: item.get("ParameterValue", "") for item in stack.get("Parameters", ())
            },
            outputs={item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", ())},
        )


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set by name. The name is also the token of the events that its execution causes."""

    name: str
    kind: Kind


class Stack:
    """A stack of this name, which need not exist.

    Its methods raise the errors of botocore; `infra.aws.explained_errors` maps them.

    Args:
        client: A boto3 client of CloudFormation.
        name: The name of the stack.
    """

    def __init__(self, client: Any, name: str) -> None:
        self.name = name
        self._client = client

    def state(self) -> StackState | None:
        """Return the state of the stack, or ``None`` if it does not exist."""
        try:
            response = self._client.describe_stacks(StackName=self.name)
        except ClientError as error:
            if "does not exist" in error.response.get("Error", {}).get("Message", ""):
                return None
            raise
        return StackState.from_response(response["Stacks"][0])

    def declared_parameters(self, template: str) -> list[str]:
        """Return the names of the parameters that a template declares."""
        summary = self._client.get_template_summary(TemplateBody=template)
        return [item["ParameterKey"] for item in summary["Parameters"]]

    def create_change_set(
        self,
        change: ChangeSet,
        template: str,
        parameters: Sequence[Mapping[str, Any]],
        tags: Mapping[str, str],
    ) -> None:
        """Begin to create a change set.

        Args:
            change: Its name and kind.
            template: The text of the template.
            parameters: Values of parameters, and those that keep their values.
            tags: Tags of the stack; without any, it keeps those that it has.
        """
        labels = {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}
        self._client.create_change_set(
            **self._names(change),
            ChangeSetType=change.kind,
            TemplateBody=template,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=parameters,
            **labels,
        )

    def refusal(self, change: ChangeSet) -> str | None:
        """Wait for a change set. Return why AWS cannot make it, or ``None``."""
        try:
            self._wait("change_set_create_complete", _CHANGE_SET_POLLS, **self._names(change))
        except WaiterError:
            response = self._client.describe_change_set(**self._names(change))
            return response.get("StatusReason") or f"the change set has the status {response.get('Status')}"
        return None

    def changes(self, change: ChangeSet) -> list[Mapping[str, str]]:
        """Return the changes of resources in a change set."""
        pages = self._client.get_paginator("describe_change_set").paginate(**self._names(change))
        return [item["ResourceChange"] for page in pages for item in page["Changes"]]

    def execute(self, change: ChangeSet) -> None:
        """Begin the change. If a first creation fails, AWS deletes everything, also the empty buckets."""
        self._client.execute_change_set(
            **self._names(change), ClientRequestToken=change.name, RetainExceptOnCreate=True
        )

    def wait_for(self, change: ChangeSet) -> bool:
        """Wait until AWS has made the change. Return ``False`` if it failed or cannot be observed."""
        waiter = "stack_create_complete" if change.kind == "CREATE" else "stack_update_complete"
        try:
            self._wait(waiter, _STACK_POLLS, StackName=self.name)
        except BotoCoreError:
            return False
        return True

    def discard(self, change: ChangeSet) -> None:
        """Delete a change set (best effort), and the empty stack that it has created."""
        with suppress(ClientError, BotoCoreError):
            self._client.delete_change_set(**self._names(change))
        with suppress(ClientError, BotoCoreError):
            state = self.state() if change.kind == "CREATE" else None
            if state and state.status == "REVIEW_IN_PROGRESS":
                self._client.delete_stack(StackName=self.name)

    def failed_events(self, change: ChangeSet) -> list[tuple[str, str]]:
        """Return resources that the change failed for, and the reasons, in the order of their failure.

        Failures that only follow from the first one are left out.
        """
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=self.name)
        events = [event for page in pages for event in page["StackEvents"]]
        return [
            (event["LogicalResourceId"], event.get("ResourceStatusReason", ""))
            for event in reversed(events)
            if event.get("ClientRequestToken") == change.name
            and "FAILED" in event.get("ResourceStatus", "")
            and "cancelled" not in event.get("ResourceStatusReason", "")
        ]

    def resources(self) -> list[Mapping[str, str]]:
        """Return the resources of the stack that have not been deleted."""
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=self.name)
        found = [item for page in pages for item in page["StackResourceSummaries"]]
        return [item for item in found if item["ResourceStatus"] != "DELETE_COMPLETE"]

    def delete(self) -> None:
        """Begin to delete the stack."""
        self._client.delete_stack(StackName=self.name)

    def wait_for_deletion(self) -> bool:
        """Wait until the stack is deleted. Return ``False`` if that failed or cannot be observed."""
        try:
            self._wait("stack_delete_complete", _STACK_POLLS, StackName=self.name)
        except BotoCoreError:
            return False
        return True

    def _names(self, change: ChangeSet) -> dict[str, str]:
        return {"StackName": self.name, "ChangeSetName": change.name}

    def _wait(self, waiter: str, polls: Mapping[str, int], **names: str) -> None:
        self._client.get_waiter(waiter).wait(**names, WaiterConfig=polls)
