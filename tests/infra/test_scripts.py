"""scripts/deploy.sh and scripts/destroy.sh, by the real AWS CLI against moto's CloudFormation."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.cloud import EmbeddedCloud
from tests.infra.account import SCRIPTS, Account
from tests.infra.rendering import ACCOUNT, MINIMAL

NEW_STACK = (
    *("--image-uri", MINIMAL["ImageUri"]),
    *("--supabase-url", MINIMAL["SupabaseUrl"]),
    *("--supabase-secret-arn", MINIMAL["SupabaseKeySecretArn"]),
)


@pytest.mark.parametrize("script", ["deploy.sh", "destroy.sh"])
def test_shellcheck_finds_nothing(script: str) -> None:
    result = subprocess.run(
        [Path(sys.executable).with_name("shellcheck"), SCRIPTS / script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "")
    assert "shellcheck disable" not in (SCRIPTS / script).read_text()


@pytest.mark.parametrize("script", ["deploy.sh", "destroy.sh"])
def test_help_needs_no_cli_and_no_account(script: str, tmp_path: Path) -> None:
    result = subprocess.run(
        [SCRIPTS / script, "--help"],
        env={"PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.startswith("Usage:")


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("deploy.sh", ["--stack"]),
        ("deploy.sh", ["--stack", "Upper"]),
        ("deploy.sh", ["--stack", "a" * 27]),
        ("deploy.sh", ["--parameter", "Quality"]),
        ("deploy.sh", ["--imageuri", "x"]),
        ("deploy.sh", ["--set", "QUALITY"]),
        ("deploy.sh", ["--set", "quality=5"]),
        ("deploy.sh", ["--set", "SUPABASE_KEY=secret"]),
        ("deploy.sh", ["--set", "BUCKET_NAME=one"]),
        ("deploy.sh", ["--set", "SQS_QUEUE_URL=https://queue"]),
        ("deploy.sh", ["--image-uri", ""]),
        ("deploy.sh", ["--videos-bucket", "", "--yes"]),
        ("deploy.sh", ["now"]),
        ("destroy.sh", ["--all"]),
        ("destroy.sh", ["--region"]),
        ("destroy.sh", ["--region", "", "--yes"]),
    ],
)
def test_wrong_usage_is_status_2_and_one_sentence(script: str, arguments: Sequence[str]) -> None:
    result = subprocess.run(
        [SCRIPTS / script, *arguments],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr.startswith(f"{script}: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("script", ["deploy.sh", "destroy.sh"])
def test_a_machine_without_the_aws_cli_is_told_so(script: str, tmp_path: Path) -> None:
    for tool in ("bash", "dirname", "env"):
        (tmp_path / tool).symlink_to(Path("/usr/bin") / tool)
    result = subprocess.run(
        [SCRIPTS / script, "--yes"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "the AWS CLI is not installed" in result.stderr


def test_a_new_stack_is_made_after_showing_it(account: Account) -> None:
    result = account.run("deploy.sh", *NEW_STACK, "--parameter", "TimeoutSeconds=300", answer="y\n")
    assert result.returncode == 0, result.stderr
    assert "AWS::Lambda::EventSourceMapping" in result.stdout
    assert account.status() == "CREATE_COMPLETE"
    assert account.function()["Timeout"] == 300
    assert account.queue_attributes("videos")["VisibilityTimeout"] == "1860"


def test_settings_arrive_under_their_own_names(account: Account) -> None:
    settings = {"FRAME_INTERVAL": "2", "MAX_DECODE_ERROR_PERCENT": "1.5", "S3_BUCKET_VIDEOS": "oriane-videos"}
    options = [option for name, value in settings.items() for option in ("--set", f"{name}={value}")]
    result = account.run("deploy.sh", *NEW_STACK, *options, "--memory", "2048", "--timeout", "300", "--yes")
    assert result.returncode == 0, result.stderr
    function = account.function()
    assert settings.items() <= function["Environment"]["Variables"].items()
    assert (function["MemorySize"], function["Timeout"]) == (2048, 300)


def test_a_setting_that_does_not_exist_is_refused_by_its_name(account: Account) -> None:
    result = account.run("deploy.sh", *NEW_STACK, "--set", "FRAME_INTERVALL=2", "--yes")
    assert result.returncode == 2
    assert "there is no setting FRAME_INTERVALL" in result.stderr
    assert account.status() is None


def test_nothing_is_made_without_a_yes(account: Account) -> None:
    result = account.run("deploy.sh", *NEW_STACK, answer="\n")
    assert result.returncode == 1
    assert "declined; nothing was changed" in result.stderr
    assert account.status() is None
    assert account.buckets() == set()


def test_values_and_tags_arrive_whatever_is_in_them(account: Account) -> None:
    keys = '{platform}/{code}/a"b\\c.mp4,{code} $HOME `id`.mp4'
    result = account.run(
        "deploy.sh", *NEW_STACK, "--parameter", f"VideoKeys={keys}", "--tag", "team=videos, mostly", "--yes"
    )
    assert result.returncode == 0, result.stderr
    assert account.function()["Environment"]["Variables"]["VIDEO_KEYS"] == keys
    (stack,) = account.client("cloudformation").describe_stacks(StackName=account.stack)["Stacks"]
    assert {"Key": "team", "Value": "videos, mostly"} in stack["Tags"]


def test_an_update_changes_what_is_given_and_keeps_the_rest(
    account: Account, template: Mapping[str, Any]
) -> None:
    account.create(template, TimeoutSeconds="300", MaxReceives="7")
    result = account.run("deploy.sh", "--parameter", "MemoryMb=4096", "--yes")
    assert result.returncode == 0, result.stderr
    assert account.status() == "UPDATE_COMPLETE"
    function = account.function()
    assert (function["MemorySize"], function["Timeout"]) == (4096, 300)
    assert '"maxReceiveCount": 7' in account.queue_attributes("videos")["RedrivePolicy"]


def test_a_stack_that_is_as_wanted_is_success_and_tells_what_is_next(
    account: Account, template: Mapping[str, Any]
) -> None:
    account.create(template, S3Events="true", VideosBucket=EmbeddedCloud.VIDEOS_BUCKET)
    result = account.run("deploy.sh")
    assert result.returncode == 0, result.stderr
    assert "Nothing has to change." in result.stdout
    assert (
        f"SQS_QUEUE_URL=https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/{account.stack}-videos" in result.stdout
    )
    assert f"#dashboards:name={account.stack}" in result.stdout
    assert f"put-bucket-notification-configuration --bucket {EmbeddedCloud.VIDEOS_BUCKET}" in result.stdout


@pytest.mark.parametrize("topic", ["", f"arn:aws:sns:us-east-1:{ACCOUNT}:operators"])
def test_alarms_that_reach_nobody_are_mentioned(
    account: Account, template: Mapping[str, Any], topic: str
) -> None:
    account.create(template, AlarmTopicArn=topic)
    result = account.run("deploy.sh")
    assert result.returncode == 0, result.stderr
    assert ("they have no recipient yet" in result.stdout) is (topic == "")


def test_a_parameter_that_the_template_does_not_have_is_refused(account: Account) -> None:
    result = account.run("deploy.sh", *NEW_STACK, "--parameter", "Timeout=300", "--yes")
    assert result.returncode == 2
    assert "the template has no parameter Timeout" in result.stderr
    assert account.status() is None


def test_a_new_stack_needs_an_image(account: Account) -> None:
    result = account.run("deploy.sh", "--yes")
    assert result.returncode == 2
    assert "--image-uri" in result.stderr


@pytest.mark.parametrize("script", ["deploy.sh", "destroy.sh"])
def test_an_account_out_of_reach_is_a_failure_and_no_new_stack(account: Account, script: str) -> None:
    environment = {**account.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    lost = replace(account, environment=environment)
    result = lost.run(script, *(NEW_STACK if script == "deploy.sh" else []), "--yes")
    assert result.returncode == 1
    assert "Could not connect" in result.stderr
    assert f"{script}: " in result.stderr


def test_taking_it_down_keeps_buckets_and_table(account: Account, template: Mapping[str, Any]) -> None:
    account.create(template, StateBackend="dynamodb")
    kept = account.buckets()
    assert len(kept) == 2
    result = account.run("destroy.sh", answer=f"{account.stack}\n")
    assert result.returncode == 0, result.stderr
    assert account.status() is None
    assert account.buckets() == kept
    assert f"{account.stack}-videos" in account.client("dynamodb").list_tables()["TableNames"]
    assert account.client("lambda").list_event_source_mappings()["EventSourceMappings"] == []
    for name in kept:
        assert f"without {name}, which stays" in result.stdout


def test_taking_it_down_asks_and_tells_what_is_still_waiting(
    account: Account, template: Mapping[str, Any]
) -> None:
    account.create(template)
    sqs = account.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{account.stack}-dead-letters")["QueueUrl"]
    for _ in range(3):
        sqs.send_message(QueueUrl=url, MessageBody="{}")
    result = account.run("destroy.sh", answer="yes\n")
    assert result.returncode == 1
    assert f"{account.stack}-dead-letters and 3 messages in it" in result.stdout
    assert "declined; nothing was changed" in result.stderr
    assert account.status() == "CREATE_COMPLETE"


def test_a_stack_that_is_not_there_cannot_be_taken_down(account: Account) -> None:
    result = account.run("destroy.sh", "--yes")
    assert result.returncode == 1
    assert f"there is no stack {account.stack}" in result.stderr


def test_the_scripts_are_executable() -> None:
    assert all(os.access(SCRIPTS / name, os.X_OK) for name in ("deploy.sh", "destroy.sh"))
