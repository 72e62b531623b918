"""Build S3 clients and map botocore errors to domain errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from extractor.backends.aws import ClientBuilder, build_client, with_credentials
from extractor.errors import (
    AccessDeniedError,
    ArchivedError,
    ExtractorError,
    SourceChangedError,
    StorageUnavailableError,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Error codes first, then HTTP statuses; anything else is a StorageUnavailableError. Each operation decides
# itself what a missing key means.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_MISSING_KEY = frozenset({"NoSuchKey", "404"})
_MISSING_BUCKET = frozenset({"NoSuchBucket", "InvalidBucketName"})
_BY_CODE: dict[str, type[ExtractorError]] = {
    "InvalidObjectState": ArchivedError,
    "ExpiredToken": AccessDeniedError,
    "InvalidToken": AccessDeniedError,
    "KMS.ThrottlingException": StorageUnavailableError,
}
_BY_STATUS: dict[int, type[ExtractorError]] = {
    401: AccessDeniedError,
    403: AccessDeniedError,
    412: SourceChangedError,
}
_HINTS: dict[type[ExtractorError], str] = {
    AccessDeniedError: "check the credentials, and the role's S3 and KMS permissions on the bucket",
    ArchivedError: "the object is in an archive tier; restore it, then send the message again",
    SourceChangedError: "the object was overwritten meanwhile",
    StorageUnavailableError: "try again later, and check the bucket's name and region if it stays so",
}


def build_s3_client(max_connections: int, build: ClientBuilder = build_client) -> "S3Client":
    """Build an S3 client that retries failed requests.

    Other endpoints than AWS need no option: with a custom endpoint, botocore uses path-style addresses.

    Args:
        max_connections: The number of threads that share the client.
        build: Builds the client.
    """
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 4},
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=max_connections,
    )
    return cast("S3Client", build("s3", config))


class Bucket(Struct, frozen=True):
    """A bucket and the client that accesses it."""

    client: "S3Client"
    name: str

    @contextmanager
    def mapping_errors(self, action: str) -> Iterator[None]:
        """Map botocore errors in the block to domain errors.

        Args:
            action: What the block does, for the message: "cannot `action` in this bucket".
        """
        try:
            with with_credentials(f"{action} in {self.name}"):
                yield
        except (BotoCoreError, ClientError) as error:
            raise to_domain_error(error, f"{action} in {self.name}") from error


def to_domain_error(error: BotoCoreError | ClientError, action: str) -> ExtractorError:
    """Return the domain error for a botocore error.

    Args:
        error: The error of botocore.
        action: What failed, for the message.
    """
    if isinstance(error, ClientError) and error_code(error) in _MISSING_BUCKET:
        text = f"cannot {action}: there is no such bucket; check its name and region"
        return StorageUnavailableError(text, bucket_is_missing=True)
    kind = _classify(error)
    cause = error_code(error) if isinstance(error, ClientError) else type(error).__name__
    return kind(f"cannot {action} ({cause}): {_HINTS[kind]}")


def is_missing_key(error: ClientError) -> bool:
    """Return whether the error says that the key does not exist."""
    return error_code(error) in _MISSING_KEY


def error_code(error: ClientError) -> str:
    """Return the error code of S3; empty if there is none."""
    return error.response.get("Error", {}).get("Code", "")


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def _classify(error: BotoCoreError | ClientError) -> type[ExtractorError]:
    if not isinstance(error, ClientError):
        return StorageUnavailableError
    code = error_code(error)
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code.startswith("KMS."):  # the KMS key is disabled, deleted or not accessible
        return AccessDeniedError
    return _BY_STATUS.get(_status(error), StorageUnavailableError)
