"""Talking to SQS: every failure is one of ours."""

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

# What SQS answers, by code, then by status; anything else is QueueUnavailableError.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
_DENIED_CODES = re.compile(
    "AccessDenied|ExpiredToken|InvalidClientTokenId|InvalidSecurity|UnrecognizedClient"
    r"|Kms(?!Throttled)|KMS\.(?!Throttling)"
)
# Refusals that will not change, however often one asks.
_FINAL_CODES = re.compile(
    "NonExistentQueue|QueueDoesNotExist|InvalidAddress|MissingParameter|UnsupportedOperation"
)
_DENIED_STATUS = frozenset({401, 403})
_HINTS: dict[type[ExtractorError], str] = {
    AccessDeniedError: "check the credentials and their SQS and KMS permissions",
    QueueUnavailableError: "try again later, and check the queue's URL and AWS_REGION if it stays so",
}

_MAX_THREADS = 64


def build_sqs_client(attempts: int, build: ClientBuilder = build_client) -> "SQSClient":
    """A client that makes `attempts` by itself: 1 for callers that repeat a send on their own.

    It has a connection for each of 64 threads, opened when it is needed.
    """
    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=5,
        read_timeout=15,
        max_pool_connections=_MAX_THREADS,
    )
    return cast("SQSClient", build("sqs", config))


@contextmanager
def mapping_errors(action: str) -> Iterator[None]:
    """Within, what botocore raises becomes one of ours: "cannot `action`"."""
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
