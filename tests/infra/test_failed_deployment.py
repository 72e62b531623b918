"""deploy.sh and destroy.sh when AWS refuses or fails, or the user declines or interrupts."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.infra.account import Account
from tests.infra.recorded import Course, Event, going
from tests.infra.test_scripts import NEW_STACK

_EVENTS = (
    Event("Function", "UPDATE_FAILED", "of last month", ours=False),
    Event("Queue", "CREATE_COMPLETE"),
    Event("Function", "CREATE_FAILED", "Source image 1234.dkr.ecr… does not exist"),
    Event("Table", "CREATE_FAILED", "Resource creation cancelled"),
    Event("Dashboard", "CREATE_FAILED", "a second reason"),
)


def test_a_stack_that_cannot_be_made_tells_why_and_how_to_go_on(account: Account) -> None:
    course = Course(account.stack, "ROLLBACK_COMPLETE", _EVENTS)
    with going(account, course) as failing:
        result = failing.run("deploy.sh", *NEW_STACK, "--yes")
    assert result.returncode == 1
    first, second, last = result.stderr.splitlines()
    assert first.split("\t") == ["Function", "Source image 1234.dkr.ecr… does not exist"]
    assert second.split("\t") == ["Dashboard", "a second reason"]
    assert "the stack could not be created (ROLLBACK_COMPLETE)" in last
    assert f"scripts/destroy.sh --stack {account.stack}" in last
    assert "Next:" not in result.stdout


def test_a_creation_that_fails_leaves_no_empty_buckets(account: Account) -> None:
    course = Course(account.stack, "ROLLBACK_COMPLETE")
    with going(account, course) as failing:
        failing.run("deploy.sh", *NEW_STACK, "--yes")
    assert course.forms["ExecuteChangeSet"]["RetainExceptOnCreate"] == "true"


@pytest.mark.parametrize("tags", [(), ("--tag", "team=videos")])
def test_a_stack_keeps_its_tags_unless_some_are_given(account: Account, tags: tuple[str, ...]) -> None:
    course = Course(account.stack, refusal="Rule SupabaseIsNamed failed")
    with going(account, course) as refusing:
        refusing.run("deploy.sh", *NEW_STACK, *tags)
    assert any(name.startswith("Tags") for name in course.forms["CreateChangeSet"]) is bool(tags)


def test_what_is_left_of_a_failed_creation_has_to_be_removed_first(account: Account) -> None:
    course = Course(account.stack, "ROLLBACK_COMPLETE")
    with going(account, course) as failing:
        failing.run("deploy.sh", *NEW_STACK, "--yes")
        result = failing.run("deploy.sh", *NEW_STACK, "--yes")
    assert result.returncode == 1
    assert "remove it with scripts/destroy.sh --stack" in result.stderr
    assert course.calls.count("CreateChangeSet") == 1


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("UPDATE_ROLLBACK_COMPLETE", "the stack is as before; the reasons are above"),
        ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback --stack-name"),
    ],
)
def test_an_update_that_fails_tells_why_and_where_it_ended(
    account: Account, template: Mapping[str, Any], status: str, advice: str
) -> None:
    account.create(template)
    with going(account, Course(account.stack, status, _EVENTS)) as failing:
        result = failing.run("deploy.sh", "--parameter", "MemoryMb=4096", "--yes")
    assert result.returncode == 1
    assert "Source image" in result.stderr
    assert "of last month" not in result.stderr
    assert advice in result.stderr.splitlines()[-1]


def test_a_stack_that_is_stuck_half_way_is_not_touched(account: Account, template: Mapping[str, Any]) -> None:
    account.create(template)
    course = Course(account.stack, "UPDATE_ROLLBACK_FAILED")
    with going(account, course) as failing:
        failing.run("deploy.sh", "--parameter", "MemoryMb=4096", "--yes")
        result = failing.run("deploy.sh", "--parameter", "MemoryMb=4096", "--yes")
    assert result.returncode == 1
    assert "continue-update-rollback" in result.stderr
    assert course.calls.count("CreateChangeSet") == 1


@pytest.mark.parametrize(
    "reason", ["The submitted information didn't contain changes.", "No updates are to be performed."]
)
def test_an_empty_change_set_is_success_and_is_dropped(
    account: Account, template: Mapping[str, Any], reason: str
) -> None:
    account.create(template)
    course = Course(account.stack, refusal=reason)
    with going(account, course) as same:
        result = same.run("deploy.sh", "--parameter", "MemoryMb=4096")
    assert result.returncode == 0, result.stderr
    assert "Nothing has to change." in result.stdout
    assert course.calls.count("DeleteChangeSet") == 1
    assert "ExecuteChangeSet" not in course.calls
    assert account.status() == "CREATE_COMPLETE"


def test_a_change_that_aws_refuses_leaves_no_stack_behind(account: Account) -> None:
    course = Course(account.stack, refusal="Rule SupabaseIsNamed failed")
    with going(account, course) as refusing:
        result = refusing.run("deploy.sh", *NEW_STACK, "--yes")
    assert result.returncode == 1
    assert "the change is not possible: Rule SupabaseIsNamed failed" in result.stderr
    assert account.status() is None


@pytest.mark.parametrize("answer", ["no\n", ""])
def test_only_a_yes_is_a_yes(account: Account, template: Mapping[str, Any], answer: str) -> None:
    account.create(template)
    course = Course(account.stack)
    with going(account, course) as watched:
        result = watched.run("deploy.sh", "--parameter", "MemoryMb=4096", answer=answer)
    assert result.returncode == 1
    assert "declined; nothing was changed" in result.stderr
    assert course.calls.count("DeleteChangeSet") == 1
    assert account.function()["MemorySize"] == 2048


def test_a_stack_that_cannot_be_deleted_tells_why(account: Account, template: Mapping[str, Any]) -> None:
    account.create(template)
    events = (Event("Queue", "DELETE_COMPLETE"), Event("Role", "DELETE_FAILED", "Cannot delete entity"))
    with going(account, Course(account.stack, "DELETE_FAILED", events)) as failing:
        result = failing.run("destroy.sh", "--yes")
    assert result.returncode == 1
    assert result.stderr.splitlines()[0].split("\t") == ["Role", "Cannot delete entity"]
    assert "run this again" in result.stderr


def test_what_was_deleted_before_is_not_said_to_stay(account: Account, template: Mapping[str, Any]) -> None:
    account.create(template)
    events = (
        Event("Old", "DELETE_COMPLETE", type="AWS::S3::Bucket"),
        Event("Frames", "CREATE_COMPLETE", type="AWS::S3::Bucket"),
        Event("Role", "DELETE_FAILED", "Cannot delete entity"),
    )
    with going(account, Course(account.stack, "DELETE_FAILED", events)) as failing:
        failing.run("destroy.sh", "--yes")
        result = failing.run("destroy.sh", answer="no\n")
    assert "without the-Frames, which stays" in result.stdout
    assert "the-Old" not in result.stdout


def test_ctrl_c_while_aws_works_says_that_the_change_goes_on(account: Account) -> None:
    course = Course(account.stack, "CREATE_IN_PROGRESS", interrupts="DescribeStacks")
    with going(account, course) as slow:
        result = slow.run("deploy.sh", *NEW_STACK, "--yes")
    assert result.returncode == 130
    assert "interrupted; the change goes on in AWS" in result.stderr
    assert "DeleteChangeSet" not in course.calls


def test_ctrl_c_while_the_change_set_is_prepared_leaves_nothing_behind(account: Account) -> None:
    course = Course(account.stack, interrupts="DescribeChangeSet")
    with going(account, course) as slow:
        result = slow.run("deploy.sh", *NEW_STACK, "--yes")
    assert result.returncode == 130
    assert "interrupted; nothing was changed" in result.stderr
    assert course.calls.count("DeleteChangeSet") == 1
    assert account.status() is None


def test_ctrl_c_during_a_deletion_says_that_it_goes_on(account: Account, template: Mapping[str, Any]) -> None:
    account.create(template)
    with going(account, Course(account.stack, "DELETE_IN_PROGRESS", interrupts="DescribeStacks")) as slow:
        result = slow.run("destroy.sh", "--yes")
    assert result.returncode == 130
    assert "interrupted; the deletion goes on in AWS" in result.stderr


def test_a_change_that_takes_too_long_is_not_called_failed(
    account: Account, template: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    account.create(template)
    monkeypatch.setattr("infra.stack._STACK_POLLS", {"Delay": 0, "MaxAttempts": 1})
    with going(account, Course(account.stack, "UPDATE_IN_PROGRESS", _EVENTS)) as slow:
        result = slow.run("deploy.sh", "--parameter", "MemoryMb=4096", "--yes")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "still in progress (UPDATE_IN_PROGRESS)" in result.stderr


def test_credentials_that_expire_while_aws_works_do_not_look_like_a_failed_change(account: Account) -> None:
    course = Course(account.stack, "CREATE_IN_PROGRESS", errors={"DescribeStacks": "ExpiredToken"})
    with going(account, course) as expired:
        result = expired.run("deploy.sh", *NEW_STACK, "--yes")
    assert result.returncode == 1
    assert "the state of the stack cannot be read (AWS rejects the credentials (ExpiredToken" in result.stderr
    assert "the change goes on in AWS" in result.stderr
    assert "DeleteChangeSet" not in course.calls


def test_credentials_that_expire_during_a_deletion_do_not_look_like_a_failure(
    account: Account, template: Mapping[str, Any]
) -> None:
    account.create(template)
    errors = dict.fromkeys(["DescribeStacks", "ListStackResources"], "ExpiredToken")
    with going(account, Course(account.stack, "DELETE_IN_PROGRESS", errors=errors)) as expired:
        result = expired.run("destroy.sh", "--yes")
    assert result.returncode == 1
    assert "the deletion goes on in AWS" in result.stderr


def test_a_deletion_that_is_not_allowed_was_not_begun(account: Account, template: Mapping[str, Any]) -> None:
    account.create(template)
    with going(account, Course(account.stack, errors={"DeleteStack": "AccessDenied"})) as denied:
        result = denied.run("destroy.sh", "--yes")
    assert result.returncode == 1
    assert "the deletion was not begun: access denied" in result.stderr
    assert account.status() == "CREATE_COMPLETE"


def test_a_change_that_may_not_begin_leaves_no_stack_behind(account: Account) -> None:
    course = Course(account.stack, errors={"ExecuteChangeSet": "AccessDenied"})
    with going(account, course) as denied:
        result = denied.run("deploy.sh", *NEW_STACK, "--yes")
    assert result.returncode == 1
    assert "access denied: not allowed: ExecuteChangeSet" in result.stderr
    assert account.status() is None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDenied", "use credentials with this permission"),
        ("ExpiredToken", "sign in again"),
        ("ValidationError", "AWS rejects DescribeStacks (ValidationError): not allowed"),
    ],
)
@pytest.mark.parametrize("script", ["deploy.sh", "destroy.sh"])
def test_an_error_of_aws_is_one_line_that_says_what_to_do(
    account: Account, script: str, code: str, words: str
) -> None:
    with going(account, Course(account.stack, errors={"DescribeStacks": code})) as refusing:
        result = refusing.run(script, "--yes")
    assert result.returncode == 1
    assert result.stderr.startswith(f"{script}: ")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr


def test_queues_that_cannot_be_read_do_not_stop_the_deletion(
    account: Account, template: Mapping[str, Any]
) -> None:
    account.create(template)
    environment = {
        **account.environment,
        "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9",
        "AWS_MAX_ATTEMPTS": "1",
    }
    result = replace(account, environment=environment).run("destroy.sh", "--yes")
    assert result.returncode == 0, result.stderr
    assert f"{account.stack}-videos and an unknown number of messages in it" in result.stdout
    assert account.status() is None
