"""Deleting objects, under the condition that they are what was seen. S3 answers 200 even if it deleted
nothing; what it refused stands in the answer."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from extractor.backends.storage.s3.client import Bucket, error_code
from extractor.errors import AccessDeniedError, StorageUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ErrorTypeDef, ObjectIdentifierTypeDef

_BATCH = 1000  # what DeleteObjects takes at most

# Of an object that is another version now, or is gone: there is nothing to delete.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
_NOTHING_TO_DELETE = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"})
# Of a server that does not know the condition.
_UNKNOWN_CONDITION = frozenset({"NotImplemented", "MalformedXML"})


def delete(bucket: Bucket, keys: Sequence[str], versions: Mapping[str, str]) -> None:
    """See `extractor.backends.storage.base.ObjectStore.delete`."""
    remaining = iter(keys)
    while batch := list(islice(remaining, _BATCH)):
        refused = _delete_batch(bucket, batch, versions)
        unknown = [error["Key"] for error in refused if error.get("Code") in _UNKNOWN_CONDITION]
        if unknown and versions:
            refused = [error for error in refused if error.get("Code") not in _UNKNOWN_CONDITION]
            refused += _delete_batch(bucket, unknown, {})
        if refused:
            raise _explained(bucket, refused, len(batch))


def _delete_batch(bucket: Bucket, keys: Sequence[str], versions: Mapping[str, str]) -> "list[ErrorTypeDef]":
    """What S3 has refused to delete."""
    with bucket.mapping_errors("delete objects"):
        try:
            answer = bucket.client.delete_objects(
                Bucket=bucket.name,
                Delete={"Objects": [_identified(key, versions.get(key)) for key in keys], "Quiet": True},
            )
        except ClientError as error:
            if not versions or error_code(error) not in _UNKNOWN_CONDITION:
                raise
            return [{"Key": key, "Code": error_code(error)} for key in keys]
    return [error for error in answer.get("Errors", []) if error.get("Code") not in _NOTHING_TO_DELETE]


def _identified(key: str, etag: str | None) -> "ObjectIdentifierTypeDef":
    return {"Key": key} if etag is None else {"Key": key, "ETag": f'"{etag}"'}


def _explained(bucket: Bucket, refused: "Sequence[ErrorTypeDef]", asked: int) -> Exception:
    first = refused[0]
    kind = AccessDeniedError if first.get("Code") == "AccessDenied" else StorageUnavailableError
    return kind(
        f"{len(refused)} of {asked} objects in {bucket.name} were not deleted, "
        f"the first being {first.get('Key')!r} ({first.get('Code')!r})"
    )
