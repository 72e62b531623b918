"""Create or update the stack of template.yaml; scripts/deploy.sh runs this. The change set is shown first."""

import os
import sys
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from extractor.cli.terminal import complain, say
from infra import TEMPLATE
from infra.arguments import DeployOptions, parse_deploy
from infra.aws import client, explained
from infra.errors import ArgumentsError, DeploymentError
from infra.parameters import change_set_parameters
from infra.reports import changes_table, result
from infra.stack import ChangeSet, Stack
from infra.statuses import failure, is_empty_change_set, is_in_progress, kind_of_change
from infra.terminal import InterruptedScriptError, ask, going_on_in_aws, run_script


def main() -> int:
    """Run the command line; return the exit status."""
    return run_script("deploy.sh", _deploy)


def _deploy() -> None:
    options = parse_deploy(sys.argv[1:])
    stack = Stack(client("cloudformation", options.region), options.stack)
    try:
        change = _confirmed_change(stack, options)
    except KeyboardInterrupt as signal:
        raise InterruptedScriptError("nothing was changed", signal) from signal
    if change:
        with going_on_in_aws("the change", "deploy.sh"):
            _make(stack, change)
    if state := stack.state():
        say(result(stack.name, state.outputs, state.parameters.get("AlarmTopicArn", "")))


def _confirmed_change(stack: Stack, options: DeployOptions) -> ChangeSet | None:
    """Prepare the change set, show it and ask. Any other outcome than a yes deletes it.

    Returns:
        The change set to execute, or ``None`` if the stack is up to date.
    """
    state = stack.state()
    kind = kind_of_change(stack.name, state.status if state else None)
    if kind == "CREATE" and "ImageUri" not in options.parameters:
        raise ArgumentsError("a new stack needs --image-uri; see --help")
    template = TEMPLATE.read_text(encoding="utf-8")
    parameters = change_set_parameters(
        options.parameters,
        declared=stack.declared_parameters(template),
        existing=state.parameters if state and kind == "UPDATE" else (),
    )
    change = ChangeSet(f"deploy-{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}", kind)
    say(f"Asking AWS what would change in the stack {stack.name} …")
    refusal: str | None
    pending = True  # it may exist, and is not confirmed
    try:
        try:
            stack.create_change_set(change, template, parameters, options.tags)
        except ClientError as error:
            pending, refusal = False, explained(error)
        else:
            refusal = stack.refusal(change)
        if refusal and is_empty_change_set(refusal):
            say("Nothing has to change.")
            return None
        if refusal:
            raise DeploymentError(f"the change is not possible: {refusal}")
        say(changes_table(stack.changes(change)))
        if options.ask and ask("Do this? [y/N] ")[:1] not in {"y", "Y"}:
            raise DeploymentError("declined; nothing was changed")
        pending = False
        return change
    finally:
        if pending:
            stack.discard(change)


def _make(stack: Stack, change: ChangeSet) -> None:
    say("Working (a few minutes) …")
    try:
        stack.execute(change)
    except ClientError as error:
        stack.discard(change)
        raise DeploymentError(f"the change was not begun: {explained(error)}") from error
    if stack.wait_for(change):
        return
    state = stack.state()
    status = state.status if state else None
    if (reason := failure(stack.name, status)) is None:
        return
    if not is_in_progress(status):
        for resource, cause in stack.failed_events(change):
            complain(f"{resource}\t{cause}")
    raise DeploymentError(reason)


if __name__ == "__main__":
    sys.exit(main())
