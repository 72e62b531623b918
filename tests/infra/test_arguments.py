"""The command lines of deploy.sh and destroy.sh."""

from collections.abc import Sequence

import pytest

from infra.arguments import DeployOptions, DestroyOptions, parse_deploy, parse_destroy
from tests.infra.account import run_script


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("deploy.sh", ["--stack"]),
        ("deploy.sh", ["--stack", "Upper"]),
        ("deploy.sh", ["--stack", "a" * 27]),
        ("deploy.sh", ["--parameter", "Quality"]),
        ("deploy.sh", ["--parameter", "=80"]),
        ("deploy.sh", ["--tag", "team"]),
        ("deploy.sh", ["--imageuri", "x"]),
        ("deploy.sh", ["--image", "x"]),
        ("deploy.sh", ["--set", "QUALITY"]),
        ("deploy.sh", ["--set", "quality=5"]),
        ("deploy.sh", ["--set", "SUPABASE_KEY=hidden"]),
        ("deploy.sh", ["--supabase-key=hidden"]),
        ("deploy.sh", ["--supabase-key", "hidden"]),
        ("deploy.sh", ["--set", "BUCKET_NAME=one"]),
        ("deploy.sh", ["--set", "SQS_QUEUE_URL=https://queue"]),
        ("deploy.sh", ["--set", "LOG_LEVEL=IN\nFO"]),
        ("deploy.sh", ["--tag", "team=\x1b[31m"]),
        ("deploy.sh", ["--videos-bucket", "\udcff"]),
        ("deploy.sh", ["--image-uri", ""]),
        ("deploy.sh", ["--videos-bucket", "", "--yes"]),
        ("deploy.sh", ["now"]),
        ("deploy.sh", ["no\nw"]),
        ("destroy.sh", ["--all"]),
        ("destroy.sh", ["--stack", ""]),
        ("destroy.sh", ["--region"]),
        ("destroy.sh", ["--region", "", "--yes"]),
    ],
)
def test_wrong_usage_is_status_2_and_one_line_without_credentials(
    script: str, arguments: Sequence[str]
) -> None:
    result = run_script(script, *arguments, environment={})
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"{script}: ")
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith("; see --help\n")
    assert "hidden" not in result.stderr


def test_without_arguments_the_usual_stack_keeps_its_parameters_and_is_asked_for() -> None:
    assert parse_deploy([]) == DeployOptions("frame-extractor", None, True, {}, {})
    assert parse_destroy([]) == DestroyOptions("frame-extractor", None, True)


def test_each_option_sets_the_parameter_of_its_name() -> None:
    options = {
        "--image-uri": ("ImageUri", "uri:1"),
        "--supabase-url": ("SupabaseUrl", "https://project.supabase.co"),
        "--supabase-secret-arn": ("SupabaseKeySecretArn", "arn"),
        "--state-backend": ("StateBackend", "dynamodb"),
        "--videos-bucket": ("VideosBucket", "videos"),
        "--frames-bucket": ("FramesBucket", "frames"),
        "--alarm-topic-arn": ("AlarmTopicArn", "topic"),
        "--memory": ("MemoryMb", "4096"),
        "--timeout": ("TimeoutSeconds", "300"),
    }
    arguments = [text for option, (_, value) in options.items() for text in (option, value)]
    assert parse_deploy(arguments).parameters == dict(options.values())


def test_names_end_at_the_first_equals_sign_and_values_may_be_empty() -> None:
    options = parse_deploy(
        [
            *("--parameter", "VideoKeys={code}=.mp4", "--set", "STATE_COLUMNS=a=b"),
            *("--parameter", "VideosBucket=", "--tag", "team=a=b", "--tag", "empty="),
            *("--stack", "a" * 26, "--region", "eu-west-1", "--yes"),
        ]
    )
    assert options == DeployOptions(
        "a" * 26,
        "eu-west-1",
        False,
        {"VideoKeys": "{code}=.mp4", "StateColumns": "a=b", "VideosBucket": ""},
        {"team": "a=b", "empty": ""},
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--memory", "1024", "--parameter", "MemoryMb=4096"],
        ["--parameter", "MemoryMb=1024", "--memory", "4096"],
        ["--memory", "1024", "--set", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=4096"],
    ],
)
def test_the_last_one_of_several_values_counts(arguments: Sequence[str]) -> None:
    assert parse_deploy(arguments).parameters == {"MemoryMb": "4096"}
