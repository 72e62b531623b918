"""Clients of AWS, and its errors as one line that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError
from botocore.parsers import ResponseParserError

from extractor.backends.aws import mapping_settings_errors, with_credentials, wrong_setting
from extractor.backends.aws_tools import build_boto3_client
from extractor.errors import AccessDeniedError, SettingsError
from infra.errors import DeploymentError

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}
_WRONG_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


def client(service: str, region: str | None) -> Any:
    """Build a boto3 client.

    Args:
        service: The service name, such as ``cloudformation``.
        region: The region; ``None`` is that of the environment or of the AWS configuration.

    Raises:
        DeploymentError: There is no region, or an AWS setting is wrong.
    """
    try:
        with mapping_settings_errors():
            return build_boto3_client(service, Config(region_name=region))
    except SettingsError as error:
        if isinstance(error.__cause__, NoRegionError):
            raise DeploymentError("no AWS region is set; pass --region, or set AWS_REGION") from error
        raise DeploymentError(f"an AWS setting is wrong: {error}") from error


@contextmanager
def explained_errors() -> Iterator[None]:
    """Map errors of AWS calls in the block to `DeploymentError`."""
    try:
        with with_credentials("access AWS"):
            yield
    except AccessDeniedError as error:
        raise DeploymentError(str(error)) from error
    except ClientError as error:
        raise DeploymentError(explained(error)) from error
    except BotoCoreError as error:
        raise DeploymentError(f"AWS cannot be reached; check {wrong_setting(error)}") from error
    except ResponseParserError as error:
        raise DeploymentError(
            "the response is not from AWS; check AWS_ENDPOINT_URL, HTTPS_PROXY and the network"
        ) from error


def explained(error: ClientError) -> str:
    """Return one line that says what AWS refused and, for credentials and permissions, what to do."""
    details = error.response.get("Error", {})
    code, message = details.get("Code", ""), " ".join(details.get("Message", "").split())
    if code in _DENIED:
        return f"access denied: {message}; use credentials with this permission"
    if code in _WRONG_CREDENTIALS:
        return (
            f"AWS rejects the credentials ({code}: {message}); sign in again, or check AWS_PROFILE or "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    return f"AWS rejects {error.operation_name} ({code}): {message}"
