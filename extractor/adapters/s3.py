"""S3 as an `ObjectStore`. What arrives is complete, what is stored is verified by S3 itself, and every
failure is one of ours."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ResponseStreamingError,
)
from botocore.session import get_session

from extractor.errors import (
    AccessDeniedError,
    ArchivedError,
    ExtractorError,
    SourceChangedError,
    StorageUnavailableError,
    VideoMissingError,
)
from extractor.ports import StoredObject

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

_CHUNK_BYTES = 1 << 20
_DELETE_BATCH = 1000  # what DeleteObjects takes at most

# What S3 answers, by code, then by status; anything else is StorageUnavailableError. A missing key is
# no failure as such: open() and read() each have their own meaning for it.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_MISSING_KEY = frozenset({"NoSuchKey", "404"})
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
    AccessDeniedError: "check the role's S3 and KMS permissions on the bucket",
    ArchivedError: "the object is in an archive tier; restore it, then send the message again",
    SourceChangedError: "the object was overwritten meanwhile",
    StorageUnavailableError: "try again later, and check the bucket's name and region if it stays so",
}
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)


def build_s3_client(max_connections: int) -> "S3Client":
    """A client that retries by itself, and can be shared by `max_connections` threads.

    It needs no option for other endpoints than AWS: given one, botocore addresses buckets by path.
    """
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 4},
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=max_connections,
    )
    # What boto3 puts on top of botocore is not needed here, and costs a cold start some 40 ms.
    return cast("S3Client", get_session().create_client("s3", config=config))


@dataclass(frozen=True, slots=True)
class S3ObjectStream:
    """An open object; see `extractor.ports.ObjectStream`."""

    etag: str | None
    size_bytes: int
    body: "StreamingBody"

    def chunks(self) -> Iterator[bytes]:
        received = 0
        try:
            for chunk in self.body.iter_chunks(_CHUNK_BYTES):
                received += len(chunk)
                yield chunk
        except (ResponseStreamingError, IncompleteReadError) as error:
            raise SourceChangedError(f"the object's bytes ended early, after {received}") from error
        except BotoCoreError as error:
            raise _translate(error, "read the object") from error
        if received != self.size_bytes:
            raise SourceChangedError(f"{received} bytes arrived instead of {self.size_bytes}")


class S3ObjectStore:
    """One bucket; see `extractor.ports.ObjectStore`. Safe to use from several threads."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    @contextmanager
    def open(self, key: str) -> Iterator[S3ObjectStream]:
        with self._translating(f"read {key!r}"):
            try:
                found = self._client.get_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if _code(error) not in _MISSING_KEY:
                    raise
                raise VideoMissingError(f"there is no object {key!r} in {self._bucket}") from error
        with closing(found["Body"]) as body:
            yield S3ObjectStream(found["ETag"].strip('"'), found["ContentLength"], body)

    def read(self, key: str) -> bytes | None:
        try:
            with self.open(key) as stream:
                return b"".join(stream.chunks())
        except VideoMissingError:
            return None

    def put(self, key: str, data: bytes, *, content_type: str, sha256: str) -> None:
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        with self._translating(f"write {key!r}"):
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=data, ContentType=content_type, ChecksumSHA256=checksum
            )

    def list(self, prefix: str) -> Iterator[StoredObject]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        with self._translating(f"list {prefix!r}"):
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield StoredObject(entry["Key"], entry["Size"])

    def delete(self, keys: Sequence[str]) -> None:
        remaining = iter(keys)
        while batch := list(islice(remaining, _DELETE_BATCH)):
            self._delete_batch(batch)

    def _delete_batch(self, keys: Sequence[str]) -> None:
        with self._translating("delete objects"):
            answer = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            )
        # S3 answers 200 even if it deleted nothing; what it refused stands in the answer.
        if errors := answer.get("Errors"):
            first = errors[0]
            kind = AccessDeniedError if first.get("Code") == "AccessDenied" else StorageUnavailableError
            raise kind(
                f"{len(errors)} of {len(keys)} objects in {self._bucket} were not deleted, "
                f"the first being {first.get('Key')!r} ({first.get('Code')!r})"
            )

    @contextmanager
    def _translating(self, action: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise _translate(error, f"{action} in {self._bucket}") from error


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def _translate(error: BotoCoreError | ClientError, action: str) -> ExtractorError:
    kind = _classify(error)
    cause = _code(error) if isinstance(error, ClientError) else type(error).__name__
    return kind(f"cannot {action} ({cause}): {_HINTS[kind]}")


def _classify(error: BotoCoreError | ClientError) -> type[ExtractorError]:
    if not isinstance(error, ClientError):
        return AccessDeniedError if isinstance(error, _NO_CREDENTIALS) else StorageUnavailableError
    code = _code(error)
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code.startswith("KMS."):  # a key that is disabled, deleted or not ours
        return AccessDeniedError
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return _BY_STATUS.get(status, StorageUnavailableError)
