"""Template parameters: which one passes a setting to the function, and what a change set gets for each."""

from collections.abc import Collection, Mapping
from typing import Any, get_args

from pydantic import SecretStr

from extractor.settings import Settings, variable_names
from infra.errors import ArgumentsError

_OTHER_PARAMETERS = {
    "aws_lambda_function_memory_size": "MemoryMb",
    "s3_bucket_videos": "VideosBucket",
    "s3_bucket_frames": "FramesBucket",
}
"""Parameters whose names do not follow from those of the settings."""

_WITHOUT_PARAMETER = {
    "sqs_queue_url": "is the URL of a queue that the stack creates",
    "dead_letter_queue_url": "is the URL of a queue that the stack creates",
    "sqlite_path": "applies only to runs on one machine",
}
"""Why settings have no parameter. Secrets have none either."""


def parameter_of(setting: str) -> str:
    """Return the template parameter of a setting: ``FrameInterval`` for ``FRAME_INTERVAL``.

    Args:
        setting: Any name of the environment variable, such as ``VIDEOS_BUCKET`` for ``S3_BUCKET_VIDEOS``.

    Raises:
        ArgumentsError: There is no such setting, or it cannot be set in this way.
    """
    fields = [field for field in Settings.model_fields if setting in variable_names(field)]
    if not fields:
        raise ArgumentsError(f"there is no setting {setting}; see docs/reference/settings.md")
    if len(fields) > 1:
        raise ArgumentsError(f"{setting} is ambiguous: set {' and '.join(map(str.upper, fields))}")
    (field,) = fields
    if SecretStr in get_args(Settings.model_fields[field].annotation):
        raise ArgumentsError(
            f"{setting} is a secret: store it in Secrets Manager, and set "
            + ("NOTIFY_SECRET_ARN" if field == "notify_secret" else "SUPABASE_KEY_SECRET_ARN")
        )
    if reason := _WITHOUT_PARAMETER.get(field):
        raise ArgumentsError(f"{setting} {reason}")
    return _OTHER_PARAMETERS.get(field, field.title().replace("_", ""))


def change_set_parameters(
    given: Mapping[str, str], *, declared: Collection[str], existing: Collection[str]
) -> list[dict[str, Any]]:
    """Return the parameters of a change set; one that is neither given nor existing gets its default.

    Args:
        given: Values of parameters by name.
        declared: The names of the parameters in the template.
        existing: The names of the parameters of the stack, which keep their values.

    Raises:
        ArgumentsError: A given parameter is not in the template.
    """
    if unknown := [name for name in given if name not in declared]:
        raise ArgumentsError(f"the template has no parameter {unknown[0]}; see docs/howto/deploy.md")
    return [
        {"ParameterKey": name, "ParameterValue": given[name]}
        if name in given
        else {"ParameterKey": name, "UsePreviousValue": True}
        for name in declared
        if name in given or name in existing
    ]
