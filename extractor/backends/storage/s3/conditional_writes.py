"""Conditional writes of objects.

S3 may reject a write because an earlier attempt of the same write succeeded and its response was lost. The
stored object then has the checksum of the data, and the write counts as successful.
"""

import base64
import time
from collections.abc import Callable
from typing import TypedDict

from botocore.exceptions import ClientError

from extractor.backends.storage.s3.client import Bucket, error_code, is_missing_key
from extractor.errors import ConflictError

# The condition does not hold, another write is in progress, or the object to replace is gone. NoSuchUpload:
# the multipart upload was completed by an earlier request whose response was lost.
_BUSY = "ConditionalRequestConflict"
_CONFLICTS = frozenset({"PreconditionFailed", _BUSY, "NoSuchKey", "NoSuchUpload"})
_PAUSES_SECONDS = (0.2, 0.8)


class Condition(TypedDict, total=False):
    """Request parameters that make a write conditional."""

    IfMatch: str
    IfNoneMatch: str


def condition(replaces: str | None) -> Condition:
    """Return the condition that this ETag is stored; with ``None``, that no object exists."""
    return {"IfNoneMatch": "*"} if replaces is None else {"IfMatch": f'"{replaces}"'}


def is_conflict(error: ClientError) -> bool:
    """Return whether S3 rejected a write because its condition does not hold."""
    return error_code(error) in _CONFLICTS


def put_whole(
    bucket: Bucket, key: str, data: bytes, *, content_type: str, sha256: str, replaces: str | None
) -> str:
    """Write an object in one request; see `extractor.backends.storage.base.ObjectStore.put`."""
    checksum = base64.b64encode(bytes.fromhex(sha256)).decode()

    def put() -> str:
        stored = bucket.client.put_object(
            Bucket=bucket.name,
            Key=key,
            Body=data,
            ContentType=content_type,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=checksum,
            **condition(replaces),
        )
        return stored["ETag"].strip('"')

    with bucket.mapping_errors(f"write {key!r}"):
        try:
            return _retry_while_busy(put)
        except ClientError as error:
            if not is_conflict(error):
                raise
            return etag_if_same(bucket, key, checksum, error)


def _retry_while_busy(put: Callable[[], str]) -> str:
    """Call `put` again while S3 is processing another write of the same key.

    That may be an earlier attempt of this write that timed out on the client's side.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """
    for pause_seconds in _PAUSES_SECONDS:
        try:
            return put()
        except ClientError as error:
            if error_code(error) != _BUSY:
                raise
        time.sleep(pause_seconds)
    return put()


def etag_if_same(bucket: Bucket, key: str, checksum: str, refusal: ClientError) -> str:
    """Return the ETag of the stored object if it has this checksum.

    Args:
        bucket: The bucket.
        key: The key.
        checksum: The SHA-256 that was sent, in base64.
        refusal: The error of the rejected write.

    Raises:
        ConflictError: The stored object has other content, or does not exist.
    """
    try:
        found = bucket.client.head_object(Bucket=bucket.name, Key=key, ChecksumMode="ENABLED")
    except ClientError as error:
        if not is_missing_key(error):
            raise
        raise ConflictError(f"{key!r} in {bucket.name} no longer exists and cannot be replaced") from error
    # The checksum of a multipart object ends with "-" and the number of parts.
    if found.get("ChecksumSHA256", "").partition("-")[0] != checksum:
        raise ConflictError(f"somebody else has written {key!r} in {bucket.name}") from refusal
    return found["ETag"].strip('"')
