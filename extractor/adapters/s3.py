"""S3 as an `ObjectStore`. What arrives is complete, what is stored is verified by S3 itself, and every
failure is one of ours."""

import base64
import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, TypedDict, cast

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
    ConflictError,
    ExtractorError,
    SourceChangedError,
    StorageUnavailableError,
    VideoMissingError,
)
from extractor.ports import StoredBytes, StoredObject

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef


class _Condition(TypedDict, total=False):
    IfMatch: str
    IfNoneMatch: str


_CHUNK_BYTES = 1 << 20
_DELETE_BATCH = 1000  # what DeleteObjects takes at most
_PARTS_AT_ONCE = 2

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
# The condition of a write does not hold, or another write was faster, or what it was to replace is gone.
# An upload in parts is gone when it has been completed, by a request whose answer was lost.
_CONFLICTS = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "NoSuchUpload"})
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

    etag: str
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

    def read(self, key: str) -> StoredBytes | None:
        try:
            with self.open(key) as stream:
                return StoredBytes(b"".join(stream.chunks()), stream.etag)
        except VideoMissingError:
            return None

    def put(self, key: str, data: bytes, *, content_type: str, sha256: str, replaces: str | None) -> str:
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        condition: _Condition = {"IfNoneMatch": "*"} if replaces is None else {"IfMatch": f'"{replaces}"'}
        with self._translating(f"write {key!r}"):
            try:
                stored = self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=data,
                    ContentType=content_type,
                    ChecksumAlgorithm="SHA256",
                    ChecksumSHA256=checksum,
                    **condition,
                )
            except ClientError as error:
                if _code(error) not in _CONFLICTS:
                    raise
                # It may be our own write, whose answer was lost.
                return self._etag_if_same(key, checksum, error)
        return stored["ETag"].strip('"')

    def put_parts(self, key: str, parts: Iterable[bytes], *, content_type: str, replaces: str | None) -> str:
        remaining = iter(parts)
        head = list(islice(remaining, 2))
        if len(head) < 2:
            data = b"".join(head)
            digest = hashlib.sha256(data).hexdigest()
            return self.put(key, data, content_type=content_type, sha256=digest, replaces=replaces)
        with self._translating(f"write {key!r}"):
            upload = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ContentType=content_type, ChecksumAlgorithm="SHA256"
            )["UploadId"]
        try:
            sent = self._send_parts(key, upload, chain(head, remaining))
            return self._complete(key, upload, sent, replaces)
        except BaseException:
            self._abort(key, upload)
            raise

    def _send_parts(self, key: str, upload: str, parts: Iterable[bytes]) -> "list[CompletedPartTypeDef]":
        sent: list[CompletedPartTypeDef] = []
        in_flight: deque[Future[CompletedPartTypeDef]] = deque()
        with ThreadPoolExecutor(_PARTS_AT_ONCE, thread_name_prefix="part") as pool:
            for number, data in enumerate(parts, 1):
                in_flight.append(pool.submit(self._send_part, key, upload, number, data))
                if len(in_flight) > _PARTS_AT_ONCE:
                    sent.append(in_flight.popleft().result())
            return sent + [future.result() for future in in_flight]

    def _send_part(self, key: str, upload: str, number: int, data: bytes) -> "CompletedPartTypeDef":
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
        with self._translating(f"write {key!r}"):
            sent = self._client.upload_part(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload,
                PartNumber=number,
                Body=data,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=checksum,
            )
        return {"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": checksum}

    def _complete(
        self, key: str, upload: str, sent: "list[CompletedPartTypeDef]", replaces: str | None
    ) -> str:
        condition: _Condition = {"IfNoneMatch": "*"} if replaces is None else {"IfMatch": f'"{replaces}"'}
        with self._translating(f"write {key!r}"):
            try:
                stored = self._client.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=upload,
                    MultipartUpload={"Parts": sent},
                    **condition,
                )
            except ClientError as error:
                if _code(error) not in _CONFLICTS:
                    raise
                etag = self._etag_if_same(key, _checksum_of_checksums(sent), error)
                self._abort(key, upload)
                return etag
        return stored["ETag"].strip('"')

    def _abort(self, key: str, upload: str) -> None:
        """Failing here fails nothing: a rule of the bucket removes what is left over."""
        with suppress(BotoCoreError, ClientError):
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload)

    def _etag_if_same(self, key: str, checksum: str, refusal: ClientError) -> str:
        try:
            found = self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if _code(error) not in _MISSING_KEY:
                raise
            raise ConflictError(f"{key!r} in {self._bucket} is gone that was to be replaced") from error
        # That of an object in parts ends with "-" and their number.
        if found.get("ChecksumSHA256", "").partition("-")[0] != checksum:
            raise ConflictError(f"somebody else has written {key!r} in {self._bucket}") from refusal
        return found["ETag"].strip('"')

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, StartAfter=after
        )
        with self._translating(f"list {prefix!r}"):
            for page in pages:
                for entry in page.get("Contents", ()):
                    etag = entry["ETag"].strip('"')
                    yield StoredObject(entry["Key"], entry["Size"], etag, entry["LastModified"])

    def copy(self, key: str, to: str) -> None:
        with self._translating(f"copy {key!r}"):
            try:
                self._client.copy_object(
                    Bucket=self._bucket, Key=to, CopySource={"Bucket": self._bucket, "Key": key}
                )
            except ClientError as error:
                if _code(error) not in _MISSING_KEY:
                    raise
                raise VideoMissingError(f"there is no object {key!r} in {self._bucket}") from error

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


def _checksum_of_checksums(parts: "list[CompletedPartTypeDef]") -> str:
    """What S3 gives for the SHA-256 of an object in parts."""
    digests = b"".join(base64.b64decode(part["ChecksumSHA256"]) for part in parts)
    return base64.b64encode(hashlib.sha256(digests).digest()).decode()


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


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
    return _BY_STATUS.get(_status(error), StorageUnavailableError)
