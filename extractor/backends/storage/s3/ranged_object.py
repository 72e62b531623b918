"""Read ranges of one version of an S3 object."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError
from msgspec import Struct

from extractor.backends.storage.s3.client import Bucket, error_code, is_missing_key
from extractor.errors import (
    SourceChangedError,
    StorageUnavailableError,
    UnreadableError,
    VideoMissingError,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK_BYTES = 1 << 16  # a chunk waits until it is full, and nobody who reads it can stop meanwhile


class S3RangedObject(Struct, frozen=True):
    """One version of an object, as an `extractor.backends.storage.base.RangedObject`. Thread-safe.

    Attributes:
        bucket: The bucket.
        key: The key.
        etag: Identifies the version.
        size_bytes: The size of the object.
    """

    bucket: Bucket
    key: str
    etag: str
    size_bytes: int

    def chunks(self, run: range) -> Iterator[bytes]:
        received = 0
        with _reading(self.bucket, self.key):
            found = _get(self.bucket, self.key, run, IfMatch=f'"{self.etag}"')
            with closing(found["Body"]) as body:
                if found["ETag"].strip('"') != self.etag:
                    raise SourceChangedError("the object was overwritten meanwhile")
                for chunk in body.iter_chunks(_CHUNK_BYTES):
                    received += len(chunk)
                    yield chunk
        if received != len(run):
            raise SourceChangedError(f"{received} bytes arrived instead of {len(run)}")


def open_ranged(client: "S3Client", bucket: str, key: str, head_bytes: int) -> tuple[S3RangedObject, bytes]:
    """Find the present version of an object.

    Args:
        client: The S3 client.
        bucket: The name of the bucket.
        key: The key.
        head_bytes: How many bytes to read.

    Returns:
        The version, and its first bytes.

    Raises:
        VideoMissingError: There is no such object.
        UnreadableError: It is empty.
        ExtractorError: It cannot be read.
    """
    found_in = Bucket(client, bucket)
    with _reading(found_in, key):
        found = _get(found_in, key, range(head_bytes))
        with closing(found["Body"]) as body:
            head: bytes = body.read()
    size = int(found["ContentRange"].rpartition("/")[2])
    return S3RangedObject(found_in, key, found["ETag"].strip('"'), size), head


def _get(bucket: Bucket, key: str, run: range, **condition: Any) -> Any:
    """Request a range, and return the response.

    Raises:
        StorageUnavailableError: The response has another range.
    """
    found = bucket.client.get_object(
        Bucket=bucket.name, Key=key, Range=f"bytes={run.start}-{run.stop - 1}", **condition
    )
    first, _, total = found.get("ContentRange", "").removeprefix("bytes ").partition("/")
    if first.partition("-")[0] != str(run.start) or not total.isdecimal():
        found["Body"].close()
        raise StorageUnavailableError(f"{bucket.name} ignores that a range was requested")
    return found


@contextmanager
def _reading(bucket: Bucket, key: str) -> Iterator[None]:
    with bucket.mapping_errors(f"read {key!r}"):
        try:
            yield
        except ClientError as error:
            if is_missing_key(error):
                raise VideoMissingError(f"there is no object {key!r} in {bucket.name}") from error
            if error_code(error) == "InvalidRange":
                raise UnreadableError("the object is empty") from error
            raise
        except (ResponseStreamingError, IncompleteReadError) as error:
            raise SourceChangedError("the object's bytes ended early") from error
