"""Which template parameter passes a setting on, and what a change set gets for each parameter."""

from typing import Any

import pytest

from extractor.settings import ALL_VARIABLES
from infra.errors import ArgumentsError
from infra.parameters import change_set_parameters, parameter_of


@pytest.mark.parametrize(
    ("setting", "parameter"),
    [
        ("FRAME_INTERVAL", "FrameInterval"),
        ("MAX_VIDEO_MB", "MaxVideoMb"),
        ("OUTPUT", "Output"),
        ("S3_BUCKET_VIDEOS", "VideosBucket"),
        ("VIDEOS_BUCKET", "VideosBucket"),
        ("S3_BUCKET_FRAMES", "FramesBucket"),
        ("FRAMES_BUCKET", "FramesBucket"),
        ("WORK_DIR", "WorkDir"),
        ("TMP_DIR", "WorkDir"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "MemoryMb"),
        ("SUPABASE_KEY_SECRET_ARN", "SupabaseKeySecretArn"),
    ],
)
def test_a_setting_is_found_under_each_of_its_names(setting: str, parameter: str) -> None:
    assert parameter_of(setting) == parameter


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("FRAME_INTERVALL", "there is no setting FRAME_INTERVALL"),
        ("quality", "there is no setting quality"),
        ("SUPABASE_KEY", "SUPABASE_KEY is a secret"),
        ("SUPABASE_TOKEN", "SUPABASE_TOKEN is a secret"),
        ("BUCKET_NAME", "BUCKET_NAME is ambiguous: set S3_BUCKET_VIDEOS and S3_BUCKET_FRAMES"),
        ("SQS_QUEUE_URL", "a queue that the stack creates"),
        ("DEAD_LETTER_QUEUE_URL", "a queue that the stack creates"),
        ("SQLITE_PATH", "runs on one machine"),
    ],
)
def test_a_setting_that_cannot_be_set_says_why(setting: str, words: str) -> None:
    with pytest.raises(ArgumentsError, match=words):
        parameter_of(setting)


def test_each_variable_names_a_parameter_of_the_template_or_is_refused(template: dict[str, Any]) -> None:
    for variable in ALL_VARIABLES:
        try:
            parameter = parameter_of(variable)
        except ArgumentsError:
            continue
        assert parameter in template["Parameters"]


def test_given_values_count_existing_ones_stay_and_others_have_their_defaults() -> None:
    assert change_set_parameters(
        {"B": "", "C": "3"}, declared=["A", "B", "C", "D"], existing=["A", "B", "Removed"]
    ) == [
        {"ParameterKey": "A", "UsePreviousValue": True},
        {"ParameterKey": "B", "ParameterValue": ""},
        {"ParameterKey": "C", "ParameterValue": "3"},
    ]


def test_a_parameter_that_the_template_does_not_declare_is_wrong_usage() -> None:
    with pytest.raises(ArgumentsError, match="the template has no parameter Timeout") as raised:
        change_set_parameters({"Timeout": "300"}, declared=["TimeoutSeconds"], existing=["Timeout"])
    assert raised.value.status == 2
