"""scripts/deploy.sh and scripts/destroy.sh against moto's CloudFormation.

Most tests run their Python in this process; the first ones run the scripts.
"""

import os
import pty
import re
import shutil
import signal
import subprocess
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.arguments import deploy_parser, destroy_parser
from local.cloud import EmbeddedCloud
from tests.infra.account import SCRIPTS, Account
from tests.infra.rendering import ACCOUNT, MINIMAL

NEW_STACK = (
    *("--image-uri", MINIMAL["ImageUri"]),
    *("--supabase-url", MINIMAL["SupabaseUrl"]),
    *("--supabase-secret-arn", MINIMAL["SupabaseKeySecretArn"]),
)


@pytest.mark.parametrize("script", ["deploy.sh", "destroy.sh"])
def test_help_needs_no_environment_and_no_account(script: str, tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    copy = Path(shutil.copy(SCRIPTS / script, tmp_path / "scripts"))
    result = subprocess.run(
        [copy, "--yes", "--help"],
        env={"PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.startswith("Usage:")
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("script", "parser"), [("deploy.sh", deploy_parser()), ("destroy.sh", destroy_parser())]
)
def test_help_explains_each_option_that_there_is(script: str, parser: ArgumentParser) -> None:
    explained = re.findall(r"^  (--[a-z-]+)", (SCRIPTS / script).read_text(), re.MULTILINE)
    options = [option for action in parser._actions for option in action.option_strings]
    assert sorted(explained) == sorted([*options, "--help"])


def test_the_script_deploys_from_any_folder_without_the_aws_cli(account: Account, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "cat", "dirname", "env", "grep"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    (tmp_path / "infra.py").write_text("raise SystemExit('the wrong module')")
    result = subprocess.run(
        [SCRIPTS / "deploy.sh", *NEW_STACK, "--stack", account.stack],
        env={**account.environment, "PATH": str(tools)},
        cwd=tmp_path,
        input="y\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert account.status() == "CREATE_COMPLETE"


def test_ctrl_c_at_the_question_leaves_nothing_behind(account: Account) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [SCRIPTS / "deploy.sh", *NEW_STACK, "--stack", account.stack],
        env={**account.environment, "PATH": "/usr/bin:/bin"},
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        seen = ""
        while "[y/N]" not in seen:
            character = process.stderr.read(1)
            assert character, seen
            seen += character
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate()
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 130
    assert "interrupted; nothing was changed" in errors
    assert account.status() is None
    assert account.buckets() == set()


def test_a_new_stack_is_made_after_showing_it(account: Account) -> None:
    result = account.run("deploy.sh", *NEW_STACK, "--parameter", "TimeoutSeconds=300", answer="y\n")
    assert result.returncode == 0, result.stderr
    assert "Add     Mapping " in result.stdout
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
    assert ("The alarms notify nobody yet" in result.stdout) is (topic == "")


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
@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}, "Could not connect"),
        ({"AWS_ENDPOINT_URL": "nowhere"}, "Invalid endpoint: nowhere"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "there are no valid credentials"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "pass --region, or set AWS_REGION"),
        ({"AWS_PROFILE": "missing"}, "AWS_PROFILE: The config profile (missing) could not be found"),
    ],
)
def test_an_account_out_of_reach_is_a_failure_and_no_new_stack(
    account: Account, script: str, environment: Mapping[str, str], words: str
) -> None:
    lost = replace(account, environment={**account.environment, **environment})
    result = lost.run(script, *(NEW_STACK if script == "deploy.sh" else []), "--yes")
    assert result.returncode == 1
    assert result.stderr.startswith(f"{script}: ")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr
    assert account.status() is None


def test_region_names_the_region_of_the_stack(account: Account, template: Mapping[str, Any]) -> None:
    account.create(template)
    elsewhere = replace(account, environment={**account.environment, "AWS_REGION": "eu-west-1"})
    assert elsewhere.run("deploy.sh", "--region", "us-east-1").returncode == 0
    assert elsewhere.run("destroy.sh", "--region", "us-east-1", answer="no\n").returncode == 1
    result = account.run("destroy.sh", "--region", "eu-west-1", "--yes")
    assert f"there is no stack {account.stack}" in result.stderr
    assert account.status() == "CREATE_COMPLETE"


def test_aws_region_is_enough_and_empty_variables_count_as_unset(
    account: Account, template: Mapping[str, Any]
) -> None:
    account.create(template)
    variables = {**account.environment, "AWS_DEFAULT_REGION": "", "AWS_PROFILE": ""}
    assert replace(account, environment=variables).run("deploy.sh").returncode == 0


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
