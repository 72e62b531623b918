"""The function's environment: every setting that a parameter gives, and no secret."""

from typing import Any

import pytest

from extractor.settings import Settings, load_settings
from tests.infra.conftest import Render
from tests.infra.rendering import MINIMAL, RefusedError, load_template

_ALL_SETTINGS = {
    "StateTable": "insta_content",
    "StateColumns": "is_fetched=is_downloaded",
    "NotifyTarget": "https://receiver.example/hook",
    "NotifySecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:hook-AbCdEf",
    "VideoKeys": "{code}.webm",
    "FramesLayout": "flat",
    "FrameInterval": "0.5",
    "MaxFrames": "100",
    "Quality": "80",
    "ImageFormat": "webp",
    "Output": "tar",
    "Storyboard": "true",
    "Audio": "flac16k",
    "Fetch": "needed",
    "ExtractFps": "12.5",
    "MaxFramesMode": "spread",
    "Tolerance": "0.25",
    "SceneDetector": "hash",
    "SceneThreshold": "0.3",
    "SceneFrame": "first",
    "Measures": "true",
    "SkipBlank": "true",
    "SkipSimilar": "3",
    "DistinctDistance": "8",
    "MaxWidth": "640",
    "MaxHeight": "480",
    "AllowTruncated": "true",
    "MaxDecodeErrorPercent": "1.5",
    "MaxPixels": "1000000",
    "MaxPackets": "100000",
    "MaxFramesMb": "10",
    "MaxFramesCeiling": "1000",
    "FfmpegMemoryMb": "1000",
    "FfmpegStallSeconds": "5",
    "FfmpegThreads": "2",
    "FfmpegBinary": "/opt/ffmpeg",
    "UploadWorkers": "4",
    "WorkDir": "/tmp/work",
    "ReserveSeconds": "7",
    "SplitSeconds": "60",
    "MaxVideoMb": "500",
    "LogLevel": "DEBUG",
    "MetricsNamespace": "Other",
    "Tracing": "true",
}


@pytest.mark.failure_row(47)
@pytest.mark.parametrize("parameters", [{}, {"StateBackend": "dynamodb"}, _ALL_SETTINGS])
def test_the_worker_understands_every_variable_that_it_is_given(
    render: Render, parameters: dict[str, str]
) -> None:
    variables = render(**parameters).variables
    assert {name.lower() for name in variables} <= Settings.model_fields.keys()
    load_settings(variables)


_FIXED = {
    "s3_bucket_videos",
    "s3_bucket_frames",
    "sqs_queue_url",
    "dead_letter_queue_url",
    "max_receives",
    "state_backend",
    "videos_table",
}
_OF_SUPABASE = {"supabase_url", "supabase_key_secret_arn"}

# Lambda sets the first one itself; the next three are secrets; the others are of the tools, or of one
# machine.
_WITHOUT_PARAMETER = {
    "aws_lambda_function_memory_size",
    "supabase_key",
    "supabase_token",
    "notify_secret",
    "sqlite_path",
}


@pytest.mark.parametrize("backend", ["supabase", "dynamodb"])
def test_a_parameter_that_is_not_given_leaves_the_default_of_the_setting(
    render: Render, backend: str
) -> None:
    variables = render(StateBackend=backend).variables
    given = load_settings(variables).model_dump()
    state = {"STATE_BACKEND": backend, "SUPABASE_URL": "https://x", "SUPABASE_KEY": "key"}
    default = load_settings(state).model_dump()
    changed = {name for name in given if given[name] != default[name]}
    assert changed <= _FIXED | _OF_SUPABASE | {"supabase_key"}


def test_every_setting_has_a_parameter(template: dict[str, Any]) -> None:
    variables = template["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
    assert {name.lower() for name in variables} == Settings.model_fields.keys() - _WITHOUT_PARAMETER
    for name in variables.keys() - {field.upper() for field in _FIXED | _OF_SUPABASE}:
        assert variables[name] == {"Ref": name.title().replace("_", "")}


def test_every_parameter_of_a_setting_arrives(render: Render) -> None:
    settings = load_settings(render(**_ALL_SETTINGS).variables)
    assert (settings.state_table, settings.state_columns) == ("insta_content", "is_fetched=is_downloaded")
    assert (settings.video_keys, settings.frames_layout) == (("{code}.webm",), "flat")
    assert (settings.policy.interval_seconds, settings.policy.max_frames) == (1 / 12.5, 100)
    assert load_settings(render(FrameInterval="0.5").variables).policy.interval_seconds == 0.5
    assert load_settings(render(Strategy="keyframe").variables).policy.strategy == "keyframe"
    assert settings.policy.scene_frame == "first"
    assert (settings.policy.quality, settings.policy.image_format, settings.max_video_mb) == (80, "webp", 500)
    assert (settings.log_level, settings.metrics_namespace, settings.tracing) == ("DEBUG", "Other", True)


@pytest.mark.failure_row(48)
def test_the_key_is_named_and_never_held(render: Render) -> None:
    assert "SUPABASE_KEY" not in render(**_ALL_SETTINGS).variables
    assert render().variables["SUPABASE_KEY_SECRET_ARN"] == MINIMAL["SupabaseKeySecretArn"]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"SupabaseUrl": ""}, "SupabaseUrl"),
        ({"SupabaseKeySecretArn": ""}, "SupabaseKeySecretArn"),
        ({"SubnetIds": "subnet-0123456789abcdef0"}, "SecurityGroupIds"),
        ({"SecurityGroupIds": "sg-0123456789abcdef0"}, "SubnetIds"),
        ({"ImageUri": ""}, "ImageUri"),
        ({"ImageUri": "docker.io/library/python:3.13"}, "ImageUri"),
        ({"NotifyTarget": "https://sqs.us-east-1.amazonaws.com/123456789012/done"}, "NotifyTarget"),
        ({"TimeoutSeconds": "100"}, "TimeoutSeconds"),
        ({"MaxVideoMb": "9000"}, "MaxVideoMb"),
        ({"SupabaseKeySecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:*"}, "Secret"),
    ],
)
@pytest.mark.failure_row(47)
def test_what_cannot_work_is_refused_before_anything_is_made(
    render: Render, parameters: dict[str, str], words: str
) -> None:
    with pytest.raises(RefusedError, match=words):
        _ = render(**parameters).resources


@pytest.mark.parametrize("name", _ALL_SETTINGS)
def test_each_parameter_of_a_setting_brings_one_variable_by_itself(render: Render, name: str) -> None:
    assert name in load_template()["Parameters"]
    more = render(**{name: _ALL_SETTINGS[name]}).variables.items() - render().variables.items()
    assert [value for _, value in more] == [_ALL_SETTINGS[name]]
