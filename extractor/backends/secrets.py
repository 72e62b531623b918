"""Read a secret from AWS Secrets Manager. Its value never appears in an error or a log."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from extractor.backends.aws import ClientBuilder, build_client
from extractor.errors import SettingsError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


def read_secret(
    arn: str,
    field: str,
    build: ClientBuilder = build_client,
    setting: str = "SUPABASE_KEY_SECRET_ARN",
) -> Mapping[str, str]:
    """Return the string fields of a secret.

    Args:
        arn: The ARN of the secret.
        field: The field that must exist. A secret that is not JSON is the value of this one field.
        build: Builds the client.
        setting: The setting that names the secret, for error messages.

    Raises:
        SettingsError: The secret cannot be read, or has no such field.
    """
    config = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5, read_timeout=10)
    client = cast("SecretsManagerClient", build("secretsmanager", config))
    try:
        text = client.get_secret_value(SecretId=arn).get("SecretString", "")
    except (BotoCoreError, ClientError, OSError) as error:
        cause = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        raise SettingsError(f"{setting}: the secret cannot be read ({cause})") from error
    finally:
        client.close()
    fields = _fields(text, field)
    if not fields.get(field):
        raise SettingsError(f"{setting}: the secret is no text, and has no field {field}")
    return fields


def _fields(text: str, field: str) -> Mapping[str, str]:
    try:
        fields = json.loads(text)
    except ValueError:
        return {field: text.strip()}
    if not isinstance(fields, dict):
        return {}
    return {name: value for name, value in fields.items() if isinstance(value, str)}
