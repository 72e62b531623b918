"""Delete the stack. Its buckets and its table stay (scripts/destroy.sh)."""

import sys
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from extractor.cli.terminal import complain, say
from infra.arguments import parse_destroy
from infra.aws import client, explained
from infra.errors import DeploymentError
from infra.stack import Stack
from infra.terminal import InterruptedScriptError, ask, going_on_in_aws, run_script

_KEPT = ("AWS::S3::Bucket", "AWS::DynamoDB::Table")
_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


def main() -> int:
    """Run the command line; return the exit status."""
    return run_script("destroy.sh", _destroy)


def _destroy() -> None:
    options = parse_destroy(sys.argv[1:])
    stack = Stack(client("cloudformation", options.region), options.stack)
    try:
        kept = _show(stack, client("sqs", options.region))
        if options.ask and ask("Type the name of the stack to delete it: ") != stack.name:
            raise DeploymentError("declined; nothing was changed")
    except KeyboardInterrupt as signal:
        raise InterruptedScriptError("nothing was changed", signal) from signal
    with going_on_in_aws("the deletion", "destroy.sh"):
        _delete(stack)
    say(f"The stack {stack.name} is deleted.")
    if kept:
        say(
            "To use what stayed in a new stack, name it: "
            "--videos-bucket, --frames-bucket, --parameter VideosTable=NAME"
        )


def _show(stack: Stack, sqs: Any) -> Sequence[str]:
    """Print what will be deleted. Return the names of the resources that stay."""
    state = stack.state()
    if state is None:
        raise DeploymentError(f"there is no stack {stack.name} in this account and region")
    resources = stack.resources()
    say(f"The stack {stack.name} ({state.status}) will be deleted.")
    for resource in resources:
        if resource["ResourceType"] == "AWS::SQS::Queue":
            queue = resource["PhysicalResourceId"]
            say(f"  with the queue {queue} and {_messages(sqs, queue)} messages in it")
    kept = [item["PhysicalResourceId"] for item in resources if item["ResourceType"] in _KEPT]
    for name in kept:
        say(f"  without {name}, which stays")
    return kept


def _messages(sqs: Any, queue: str) -> str:
    """Return the number of messages in a queue that was perhaps deleted by hand."""
    try:
        response = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=list(_COUNTS))
    except (ClientError, BotoCoreError):
        return "an unknown number of"
    return str(sum(int(response["Attributes"][name]) for name in _COUNTS))


def _delete(stack: Stack) -> None:
    try:
        stack.delete()
    except ClientError as error:
        raise DeploymentError(f"the deletion was not begun: {explained(error)}") from error
    if stack.wait_for_deletion():
        return
    for resource in stack.resources():
        if resource["ResourceStatus"] == "DELETE_FAILED":
            complain(f"{resource['LogicalResourceId']}\t{resource.get('ResourceStatusReason', '')}")
    raise DeploymentError(
        "the stack is not deleted yet; correct the reasons above, if there are any, and run this again"
    )


if __name__ == "__main__":
    sys.exit(main())
