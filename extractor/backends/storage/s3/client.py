"""Talking to S3: sent again where that helps, and every failure is one of ours."""

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

# What S3 answers, by code, then by status; anything else is StorageUnavailableError. A missing key is
# no failure as such: each operation has its own meaning for it.
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
    """A client that retries by itself, and can be shared by `max_connections` threads.

    It needs no option for other endpoints than AWS: given one, botocore addresses buckets by path.
    """
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 4},
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=max_connections,
    )
    return cast("S3Client", build("s3", config))


class Bucket(Struct, frozen=True):
    """A bucket, and the client that reaches it."""

    client: "S3Client"
    name: str

    @contextmanager
    def mapping_errors(self, action: str) -> Iterator[None]:
        """Within, what botocore raises becomes one of ours: "cannot `action` in this bucket"."""
        try:
            with with_credentials(f"{action} in {self.name}"):
                yield
        except (BotoCoreError, ClientError) as error:
            raise to_domain_error(error, f"{action} in {self.name}") from error


def to_domain_error(error: BotoCoreError | ClientError, action: str) -> ExtractorError:
    """Which of ours it is that `action` failed with."""
    if isinstance(error, ClientError) and error_code(error) in _MISSING_BUCKET:
        text = f"cannot {action}: there is no such bucket; check its name and region"
        return StorageUnavailableError(text, bucket_is_missing=True)
    kind = _classify(error)
    cause = error_code(error) if isinstance(error, ClientError) else type(error).__name__
    return kind(f"cannot {action} ({cause}): {_HINTS[kind]}")


def is_missing_key(error: ClientError) -> bool:
    return error_code(error) in _MISSING_KEY


def error_code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def _classify(error: BotoCoreError | ClientError) -> type[ExtractorError]:
    if not isinstance(error, ClientError):
        return StorageUnavailableError
    code = error_code(error)
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code.startswith("KMS."):  # a key that is disabled, deleted or not ours
        return AccessDeniedError
    return _BY_STATUS.get(_status(error), StorageUnavailableError)
