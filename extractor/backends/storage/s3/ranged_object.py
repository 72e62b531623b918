"""Read ranges of one version of an S3 object."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError

from extractor.backends.storage.s3.client import Bucket, error_code, is_missing_key
from extractor.errors import (
    SourceChangedError,
    StorageUnavailableError,
    UnreadableError,
    VideoMissingError,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK_BYTES = 1 << 20


class S3RangedObject:
    """One version of an object: that of the first request. Thread-safe.

    Args:
        client: The S3 client.
        bucket: The name of the bucket.
        key: The key.
        head_bytes: How much the first request reads.

    Attributes:
        etag: Identifies the version.
        size_bytes: The size of the object.
        head: Its first bytes.

    Raises:
        VideoMissingError: There is no such object.
        UnreadableError: It is empty.
        ExtractorError: It cannot be read.
    """

    def __init__(self, client: "S3Client", bucket: str, key: str, head_bytes: int) -> None:
        self._bucket, self._key = Bucket(client, bucket), key
        with self._reading(), closing(self._get(range(head_bytes))) as body:
            self.head: bytes = body.read()

    def chunks(self, run: range) -> Iterator[bytes]:
        """Yield the bytes of a run.

        Raises:
            SourceChangedError: The object was overwritten meanwhile, or its bytes end early.
            ExtractorError: It cannot be read.
        """
        received = 0
        with self._reading(), closing(self._get(run, IfMatch=f'"{self.etag}"')) as body:
            for chunk in body.iter_chunks(_CHUNK_BYTES):
                received += len(chunk)
                yield chunk
        if received != len(run):
            raise SourceChangedError(f"{received} bytes arrived instead of {len(run)}")

    def _get(self, run: range, **condition: Any) -> Any:
        """Request a run, and return the body of the response."""
        found = self._bucket.client.get_object(
            Bucket=self._bucket.name, Key=self._key, Range=f"bytes={run.start}-{run.stop - 1}", **condition
        )
        first, _, total = found.get("ContentRange", "").removeprefix("bytes ").partition("/")
        if first.partition("-")[0] != str(run.start) or not total.isdecimal():
            found["Body"].close()
            raise StorageUnavailableError(f"{self._bucket.name} ignores that a range was requested")
        etag = found["ETag"].strip('"')
        if not condition:
            self.etag, self.size_bytes = etag, int(total)
        elif etag != self.etag:
            found["Body"].close()
            raise SourceChangedError("the object was overwritten meanwhile")
        return found["Body"]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._bucket.mapping_errors(f"read {self._key!r}"):
            try:
                yield
            except ClientError as error:
                if is_missing_key(error):
                    raise VideoMissingError(
                        f"there is no object {self._key!r} in {self._bucket.name}"
                    ) from error
                if error_code(error) == "InvalidRange":
                    raise UnreadableError("the object is empty") from error
                raise
            except (ResponseStreamingError, IncompleteReadError) as error:
                raise SourceChangedError("the object's bytes ended early") from error
