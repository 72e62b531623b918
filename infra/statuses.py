"""What the status of a stack allows, and what it says after a change failed."""

from typing import Literal

from infra.errors import DeploymentError

Kind = Literal["CREATE", "UPDATE"]

_LEFTOVER = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}
_SUCCEEDED = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"}
_EMPTY_CHANGE_SETS = ("didn't contain changes", "No updates are to be performed")


def kind_of_change(stack: str, status: str | None) -> Kind:
    """Return whether a deployment creates or updates the stack.

    Args:
        stack: Name of the stack.
        status: Its status; ``None`` if it does not exist.

    Raises:
        DeploymentError: The stack cannot be changed in this state; the text says what to do.
    """
    if status is None or status == "REVIEW_IN_PROGRESS":
        return "CREATE"
    if status in _LEFTOVER:
        raise DeploymentError(
            f"the stack {stack} is left over from a failed operation ({status}); "
            f"remove it with scripts/destroy.sh --stack {stack} first"
        )
    if status == "UPDATE_ROLLBACK_FAILED":
        raise DeploymentError(_stuck(stack))
    if status.endswith("_IN_PROGRESS"):
        raise DeploymentError(
            f"the stack {stack} is already being changed ({status}); try again when that has ended"
        )
    return "UPDATE"


def failure(stack: str, status: str | None) -> str | None:
    """Return why a change is not complete and what to do; ``None`` if it is complete.

    Args:
        stack: Name of the stack.
        status: Its status after waiting for the change; ``None`` if it no longer exists.
    """
    if status in _SUCCEEDED:
        return None
    if status == "UPDATE_ROLLBACK_COMPLETE":
        return "the change failed, and the stack is as before; the reasons are above"
    if status == "UPDATE_ROLLBACK_FAILED":
        return _stuck(stack)
    if is_in_progress(status):
        return f"the change is still in progress ({status}); run deploy.sh again later to see its result"
    return (
        f"the stack could not be created ({status or 'it no longer exists'}); correct the reasons above, "
        f"run scripts/destroy.sh --stack {stack}, and deploy again"
    )


def is_in_progress(status: str | None) -> bool:
    """Return whether AWS still works on a change with this status."""
    return status is not None and status not in _SUCCEEDED and status.endswith("_IN_PROGRESS")


def is_empty_change_set(reason: str) -> bool:
    """Return whether a change set failed only because the stack is up to date."""
    return any(text in reason for text in _EMPTY_CHANGE_SETS)


def _stuck(stack: str) -> str:
    return (
        f"the rollback of the stack {stack} failed (UPDATE_ROLLBACK_FAILED): correct the cause, run "
        f"aws cloudformation continue-update-rollback --stack-name {stack}, and deploy again"
    )
