"""What each status of a stack allows, and what it means after a change."""

import pytest

from infra.errors import DeploymentError
from infra.statuses import failure, is_empty_change_set, kind_of_change


@pytest.mark.parametrize("status", [None, "REVIEW_IN_PROGRESS"])
def test_a_stack_without_resources_is_created(status: str | None) -> None:
    assert kind_of_change("s", status) == "CREATE"


@pytest.mark.parametrize(
    "status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"]
)
def test_a_stack_that_works_is_updated(status: str) -> None:
    assert kind_of_change("s", status) == "UPDATE"


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("CREATE_FAILED", "remove it with scripts/destroy.sh --stack s first"),
        ("ROLLBACK_COMPLETE", "remove it with scripts/destroy.sh --stack s first"),
        ("ROLLBACK_FAILED", "remove it with scripts/destroy.sh --stack s first"),
        ("DELETE_FAILED", "remove it with scripts/destroy.sh --stack s first"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name s"),
        ("CREATE_IN_PROGRESS", "try again when that has ended"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "try again when that has ended"),
        ("DELETE_IN_PROGRESS", "try again when that has ended"),
    ],
)
def test_a_stack_that_cannot_be_changed_says_what_to_do(status: str, advice: str) -> None:
    with pytest.raises(DeploymentError, match=advice) as raised:
        kind_of_change("s", status)
    assert status in str(raised.value)
    assert raised.value.status == 1


@pytest.mark.parametrize(
    "status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"]
)
def test_a_change_that_was_made_is_no_failure_even_if_waiting_failed(status: str) -> None:
    assert failure("s", status) is None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("UPDATE_ROLLBACK_COMPLETE", "the stack is as before"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name s"),
        ("UPDATE_IN_PROGRESS", "still in progress"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "still in progress"),
        ("ROLLBACK_COMPLETE", "run scripts/destroy.sh --stack s"),
        ("CREATE_FAILED", "run scripts/destroy.sh --stack s"),
        (None, "could not be created (it no longer exists)"),
    ],
)
def test_a_change_that_was_not_made_says_where_it_ended(status: str | None, words: str) -> None:
    assert words in (failure("s", status) or "")


def test_only_a_change_set_without_changes_is_an_empty_one() -> None:
    assert is_empty_change_set("The submitted information didn't contain changes. Submit different …")
    assert is_empty_change_set(
        "AWS rejects CreateChangeSet (ValidationError): No updates are to be performed."
    )
    assert not is_empty_change_set("Rule SupabaseIsNamed failed")
