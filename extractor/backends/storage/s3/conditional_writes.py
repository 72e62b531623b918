"""Writing an object under the condition that nobody else has. A write that is refused may be our own, whose
answer was lost: what S3 holds then has the checksum that was sent."""

import base64
import time
from collections.abc import Callable
from typing import TypedDict

from botocore.exceptions import ClientError

from extractor.backends.storage.s3.client import Bucket, error_code, is_missing_key
from extractor.errors import ConflictError

# The condition of a write does not hold, or another write was faster, or what it was to replace is gone.
# An upload in parts is gone when it has been completed, by a request whose answer was lost.
_BUSY = "ConditionalRequestConflict"
_CONFLICTS = frozenset({"PreconditionFailed", _BUSY, "NoSuchKey", "NoSuchUpload"})
_PAUSES_SECONDS = (0.2, 0.8)


class Condition(TypedDict, total=False):
    """The parameters of a request that say what it replaces."""

    IfMatch: str
    IfNoneMatch: str


def condition(replaces: str | None) -> Condition:
    """That the version with this ETag is there; with `None`, that nothing is."""
    return {"IfNoneMatch": "*"} if replaces is None else {"IfMatch": f'"{replaces}"'}


def is_conflict(error: ClientError) -> bool:
    return error_code(error) in _CONFLICTS


def put_whole(
    bucket: Bucket, key: str, data: bytes, *, content_type: str, sha256: str, replaces: str | None
) -> str:
    """See `extractor.backends.storage.base.ObjectStore.put`."""
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
            return _after_others(put)
        except ClientError as error:
            if not is_conflict(error):
                raise
            return etag_if_same(bucket, key, checksum, error)


def _after_others(put: Callable[[], str]) -> str:
    """What `put` gives. It is done again while S3 is busy with another write of the same key, which may be an
    earlier attempt of this one that has timed out here.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"""
    for pause_seconds in _PAUSES_SECONDS:
        try:
            return put()
        except ClientError as error:
            if error_code(error) != _BUSY:
                raise
        time.sleep(pause_seconds)
    return put()


def etag_if_same(bucket: Bucket, key: str, checksum: str, refusal: ClientError) -> str:
    """The ETag of what is there, if it has this checksum (base64). Raises `ConflictError` otherwise."""
    try:
        found = bucket.client.head_object(Bucket=bucket.name, Key=key, ChecksumMode="ENABLED")
    except ClientError as error:
        if not is_missing_key(error):
            raise
        raise ConflictError(f"{key!r} in {bucket.name} is gone that was to be replaced") from error
    # That of an object in parts ends with "-" and their number.
    if found.get("ChecksumSHA256", "").partition("-")[0] != checksum:
        raise ConflictError(f"somebody else has written {key!r} in {bucket.name}") from refusal
    return found["ETag"].strip('"')
