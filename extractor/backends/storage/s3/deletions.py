"""Delete objects, optionally on the condition that they have an expected ETag.

S3 answers 200 even if it deleted nothing; the response lists the keys that it refused.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from extractor.backends.storage.s3.client import Bucket, error_code
from extractor.errors import AccessDeniedError, StorageUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ErrorTypeDef, ObjectIdentifierTypeDef

_BATCH = 1000  # limit of DeleteObjects

# The object has another version now, or is gone: there is nothing to delete.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
_NOTHING_TO_DELETE = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"})
# The server does not support the condition.
_UNKNOWN_CONDITION = frozenset({"NotImplemented", "MalformedXML"})


def delete(bucket: Bucket, keys: Sequence[str], versions: Mapping[str, str]) -> None:
    """Delete objects; see `extractor.backends.storage.base.ObjectStore.delete`."""
    remaining = iter(keys)
    while batch := list(islice(remaining, _BATCH)):
        refused = _delete_batch(bucket, batch, versions)
        unknown = [error["Key"] for error in refused if error.get("Code") in _UNKNOWN_CONDITION]
        if unknown and versions:
            refused = [error for error in refused if error.get("Code") not in _UNKNOWN_CONDITION]
            refused += _delete_batch(bucket, unknown, {})
        if refused:
            raise _to_domain_error(bucket, refused, len(batch))


def _delete_batch(bucket: Bucket, keys: Sequence[str], versions: Mapping[str, str]) -> "list[ErrorTypeDef]":
    """Delete up to 1000 objects; return the errors of those that S3 refused to delete."""
    with bucket.mapping_errors("delete objects"):
        try:
            answer = bucket.client.delete_objects(
                Bucket=bucket.name,
                Delete={"Objects": [_identifier(key, versions.get(key)) for key in keys], "Quiet": True},
            )
        except ClientError as error:
            if not versions or error_code(error) not in _UNKNOWN_CONDITION:
                raise
            return [{"Key": key, "Code": error_code(error)} for key in keys]
    return [error for error in answer.get("Errors", []) if error.get("Code") not in _NOTHING_TO_DELETE]


def _identifier(key: str, etag: str | None) -> "ObjectIdentifierTypeDef":
    return {"Key": key} if etag is None else {"Key": key, "ETag": f'"{etag}"'}


def _to_domain_error(bucket: Bucket, refused: "Sequence[ErrorTypeDef]", requested: int) -> Exception:
    first = refused[0]
    kind = AccessDeniedError if first.get("Code") == "AccessDenied" else StorageUnavailableError
    return kind(
        f"{len(refused)} of {requested} objects in {bucket.name} were not deleted, "
        f"the first being {first.get('Key')!r} ({first.get('Code')!r})"
    )
