"""An S3 bucket as an `ObjectStore`. Incomplete reads, listings and deletions raise."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError, ResponseStreamingError
from msgspec import Struct

from extractor.backends.storage.base import NO_VERSIONS, StoredBytes, StoredObject, StoredRange
from extractor.backends.storage.s3 import conditional_writes, deletions, multipart_upload
from extractor.backends.storage.s3.client import Bucket, is_missing_key, to_domain_error
from extractor.backends.storage.s3.ranged_object import S3RangedObject
from extractor.errors import SourceChangedError, VideoMissingError

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

_CHUNK_BYTES = 1 << 20


class S3ObjectStream(Struct, frozen=True):
    """An open S3 object as an `extractor.backends.storage.base.ObjectStream`."""

    etag: str
    size_bytes: int
    body: "StreamingBody"
    bucket: Bucket
    key: str

    @property
    def ranges(self) -> S3RangedObject:
        return S3RangedObject(self.bucket, self.key, self.etag, self.size_bytes)

    def chunks(self) -> Iterator[bytes]:
        received = 0
        try:
            with closing(self.body):
                for chunk in self.body.iter_chunks(_CHUNK_BYTES):
                    received += len(chunk)
                    yield chunk
        except (ResponseStreamingError, IncompleteReadError) as error:
            raise SourceChangedError(f"the object's bytes ended early, after {received}") from error
        except BotoCoreError as error:
            raise to_domain_error(error, "read the object") from error
        if received != self.size_bytes:
            raise SourceChangedError(f"{received} bytes arrived instead of {self.size_bytes}")


class S3ObjectStore:
    """An S3 bucket as an `extractor.backends.storage.base.ObjectStore`. Thread-safe.

    Args:
        client: The S3 client.
        bucket: The name of the bucket.
    """

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._bucket = Bucket(client, bucket)

    @contextmanager
    def open(self, key: str) -> Iterator[S3ObjectStream]:
        with self._reading(key, "read"):
            found = self._bucket.client.get_object(Bucket=self._bucket.name, Key=key)
        with closing(found["Body"]) as body:
            etag = found["ETag"].strip('"')
            yield S3ObjectStream(etag, found["ContentLength"], body, self._bucket, key)

    def read(self, key: str) -> StoredBytes | None:
        try:
            with self.open(key) as stream:
                return StoredBytes(b"".join(stream.chunks()), stream.etag)
        except VideoMissingError:
            return None

    def put(self, key: str, data: bytes, *, content_type: str, sha256: str, replaces: str | None) -> str:
        return conditional_writes.put_whole(
            self._bucket, key, data, content_type=content_type, sha256=sha256, replaces=replaces
        )

    def put_parts(
        self, key: str, parts: Iterable[bytes | StoredRange], *, content_type: str, replaces: str | None
    ) -> str:
        return multipart_upload.put_parts(
            self._bucket, key, parts, content_type=content_type, replaces=replaces
        )

    def list(self, prefix: str, after: str = "", *, deep: bool = True) -> Iterator[StoredObject]:
        pages = self._bucket.client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket.name, Prefix=prefix, StartAfter=after, Delimiter="" if deep else "/"
        )
        with self._bucket.mapping_errors(f"list {prefix!r}"):
            for page in pages:
                for entry in page.get("Contents", ()):
                    etag = entry["ETag"].strip('"')
                    yield StoredObject(entry["Key"], entry["Size"], etag, entry["LastModified"])

    def copy(self, key: str, to: str) -> None:
        with self._reading(key, "copy"):
            self._bucket.client.copy_object(
                Bucket=self._bucket.name, Key=to, CopySource={"Bucket": self._bucket.name, "Key": key}
            )

    def delete(self, keys: Sequence[str], versions: Mapping[str, str] = NO_VERSIONS) -> None:
        deletions.delete(self._bucket, keys, versions)

    @contextmanager
    def _reading(self, key: str, verb: str) -> Iterator[None]:
        with self._bucket.mapping_errors(f"{verb} {key!r}"):
            try:
                yield
            except ClientError as error:
                if not is_missing_key(error):
                    raise
                raise VideoMissingError(f"there is no object {key!r} in {self._bucket.name}") from error
