"""Build SQS clients and map botocore errors to domain errors."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from extractor.backends.aws import ClientBuilder, build_client, with_credentials
from extractor.errors import AccessDeniedError, ExtractorError, QueueUnavailableError, SettingsError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# Error codes first, then HTTP statuses; anything else is a QueueUnavailableError.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
_DENIED_CODES = re.compile(
    "AccessDenied|ExpiredToken|InvalidClientTokenId|InvalidSecurity|UnrecognizedClient"
    r"|Kms(?!Throttled)|KMS\.(?!Throttling)"
)
# Permanent errors: retrying cannot help.
_FINAL_CODES = re.compile(
    "NonExistentQueue|QueueDoesNotExist|InvalidAddress|MissingParameter|UnsupportedOperation"
)
_DENIED_STATUS = frozenset({401, 403})
_HINTS: dict[type[ExtractorError], str] = {
    AccessDeniedError: "check the credentials and their SQS and KMS permissions",
    QueueUnavailableError: "try again later, and check the queue's URL and AWS_REGION if it stays so",
}

_MAX_THREADS = 64


def build_sqs_client(
    attempts: int, build: ClientBuilder = build_client, *, wait_seconds: int = 0
) -> "SQSClient":
    """Build an SQS client for up to 64 threads.

    Args:
        attempts: How often the client tries each call: 1 for callers that retry themselves.
        build: Builds the client.
        wait_seconds: How long the longest call waits for messages.
    """
    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=5,
        read_timeout=15 + wait_seconds,
        max_pool_connections=_MAX_THREADS,
    )
    return cast("SQSClient", build("sqs", config))


@contextmanager
def mapping_errors(action: str) -> Iterator[None]:
    """Map botocore errors in the block to domain errors.

    Args:
        action: What the block does, for the message: "cannot `action`".

    Raises:
        AccessDeniedError: The credentials or permissions do not suffice.
        QueueUnavailableError: A temporary failure.
        SettingsError: The queue does not exist.
    """
    try:
        with with_credentials(action):
            yield
    except (BotoCoreError, ClientError) as error:
        raise _to_domain_error(error, action) from error


def _to_domain_error(error: BotoCoreError | ClientError, action: str) -> ExtractorError:
    if isinstance(error, ClientError):
        cause = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if _FINAL_CODES.search(cause):
            return SettingsError(
                f"SQS_QUEUE_URL or DEAD_LETTER_QUEUE_URL: cannot {action} ({cause}): there is no such queue, "
                "or it is not a standard one; check AWS_REGION, too"
            )
        denied = _DENIED_CODES.search(cause) is not None or status in _DENIED_STATUS
    else:
        cause, denied = type(error).__name__, False
    kind = AccessDeniedError if denied else QueueUnavailableError
    return kind(f"cannot {action} ({cause}): {_HINTS[kind]}")
