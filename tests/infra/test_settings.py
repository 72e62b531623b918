"""The function's environment: what the worker understands, only what differs from its defaults, no secret."""

import pytest

from extractor.settings import Settings, load_settings
from tests.infra.conftest import Render
from tests.infra.rendering import MINIMAL, RefusedError

_ALL_SETTINGS = {
    "StateTable": "insta_content",
    "StateColumns": "is_fetched=is_downloaded",
    "VideoKeys": "{code}.webm",
    "FramesLayout": "flat",
    "FrameInterval": "0.5",
    "MaxFrames": "100",
    "Quality": "80",
    "ImageFormat": "webp",
    "Output": "tar",
    "Storyboard": "true",
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


@pytest.mark.parametrize("parameters", [{}, {"StateBackend": "dynamodb"}, _ALL_SETTINGS])
def test_no_variable_repeats_a_default(render: Render, parameters: dict[str, str]) -> None:
    variables = render(**parameters).variables
    given, default = load_settings(variables), Settings.model_validate({})
    same = {name for name in variables if getattr(given, name.lower()) == getattr(default, name.lower())}
    assert same == set()


def test_every_parameter_of_a_setting_arrives(render: Render) -> None:
    settings = load_settings(render(**_ALL_SETTINGS).variables)
    assert (settings.state_table, settings.state_columns) == ("insta_content", "is_fetched=is_downloaded")
    assert (settings.video_keys, settings.frames_layout) == (("{code}.webm",), "flat")
    assert (settings.frame_interval, settings.max_frames) == (0.5, 100)
    assert load_settings(render(Strategy="keyframe").variables).strategy == "keyframe"
    assert (settings.quality, settings.image_format, settings.max_video_mb) == (80, "webp", 500)
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
    more = render(**{name: _ALL_SETTINGS[name]}).variables.items() - render().variables.items()
    assert [value for _, value in more] == [_ALL_SETTINGS[name]]
