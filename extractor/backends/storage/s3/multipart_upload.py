"""Conditional multipart uploads with a bounded number of parts in memory.

S3 verifies the checksum of each part, and the object appears when the upload is completed. A failed upload is
aborted. Parts may be ranges of other objects, which S3 copies without a download.

s3transfer cannot be used: its `CompleteMultipartUpload` takes no condition.
"""

import base64
import hashlib
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import chain, islice
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from extractor.backends.storage.base import StoredRange
from extractor.backends.storage.s3.client import Bucket
from extractor.backends.storage.s3.conditional_writes import condition, etag_if_same, is_conflict, put_whole

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

_PARTS_AT_ONCE = 2


def put_parts(
    bucket: Bucket,
    key: str,
    parts: Iterable[bytes | StoredRange],
    *,
    content_type: str,
    replaces: str | None,
) -> str:
    """Write an object in parts; see `extractor.backends.storage.base.ObjectStore.put_parts`.

    Each range has 5 MiB to 5 GiB, and is not the only part.
    """
    remaining = iter(parts)
    head = list(islice(remaining, 2))
    if len(head) < 2:
        data = b"".join(part for part in head if isinstance(part, bytes))
        digest = hashlib.sha256(data).hexdigest()
        return put_whole(bucket, key, data, content_type=content_type, sha256=digest, replaces=replaces)
    upload = _begin(bucket, key, content_type)
    try:
        return upload.complete(upload.send(chain(head, remaining)), replaces)
    except BaseException:
        upload.abort()
        raise


def _begin(bucket: Bucket, key: str, content_type: str) -> "_Upload":
    with bucket.mapping_errors(f"write {key!r}"):
        begun = bucket.client.create_multipart_upload(
            Bucket=bucket.name, Key=key, ContentType=content_type, ChecksumAlgorithm="SHA256"
        )
    return _Upload(bucket, key, begun["UploadId"])


class _Upload(Struct, frozen=True):
    """A multipart upload that S3 has created."""

    bucket: Bucket
    key: str
    upload_id: str

    def send(self, parts: Iterable[bytes | StoredRange]) -> "list[CompletedPartTypeDef]":
        """Upload the parts, two at a time, and return their receipts in order."""
        sent: list[CompletedPartTypeDef] = []
        in_flight: deque[Future[CompletedPartTypeDef]] = deque()
        with ThreadPoolExecutor(_PARTS_AT_ONCE, thread_name_prefix="part") as pool:
            for number, part in enumerate(parts, 1):
                if isinstance(part, StoredRange):
                    in_flight.append(pool.submit(self._copy_part, number, part))
                else:
                    in_flight.append(pool.submit(self._send_part, number, part))
                if len(in_flight) > _PARTS_AT_ONCE:
                    sent.append(in_flight.popleft().result())
            return sent + [future.result() for future in in_flight]

    def _send_part(self, number: int, data: bytes) -> "CompletedPartTypeDef":
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
        with self.bucket.mapping_errors(f"write {self.key!r}"):
            sent = self.bucket.client.upload_part(
                Bucket=self.bucket.name,
                Key=self.key,
                UploadId=self.upload_id,
                PartNumber=number,
                Body=data,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=checksum,
            )
        return {"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": checksum}

    def _copy_part(self, number: int, part: StoredRange) -> "CompletedPartTypeDef":
        with self.bucket.mapping_errors(f"copy {part.key!r} to {self.key!r}"):
            copied = self.bucket.client.upload_part_copy(
                Bucket=self.bucket.name,
                Key=self.key,
                UploadId=self.upload_id,
                PartNumber=number,
                CopySource={"Bucket": part.bucket, "Key": part.key},
                CopySourceIfMatch=f'"{part.etag}"',
                CopySourceRange=f"bytes=0-{part.size_bytes - 1}",
            )["CopyPartResult"]
        receipt: CompletedPartTypeDef = {"PartNumber": number, "ETag": copied["ETag"]}
        if "ChecksumSHA256" in copied:
            receipt["ChecksumSHA256"] = copied["ChecksumSHA256"]
        return receipt

    def complete(self, sent: "list[CompletedPartTypeDef]", replaces: str | None) -> str:
        """Complete the upload and return the ETag of the object."""
        with self.bucket.mapping_errors(f"write {self.key!r}"):
            try:
                stored = self.bucket.client.complete_multipart_upload(
                    Bucket=self.bucket.name,
                    Key=self.key,
                    UploadId=self.upload_id,
                    MultipartUpload={"Parts": sent},
                    **condition(replaces),
                )
            except ClientError as error:
                if not is_conflict(error):
                    raise
                etag = etag_if_same(self.bucket, self.key, _checksum_of_checksums(sent), error)
                self.abort()
                return etag
        return stored["ETag"].strip('"')

    def abort(self) -> None:
        """Abort the upload. Errors are ignored: a lifecycle rule of the bucket removes unfinished uploads."""
        with suppress(BotoCoreError, ClientError):
            self.bucket.client.abort_multipart_upload(
                Bucket=self.bucket.name, Key=self.key, UploadId=self.upload_id
            )


def _checksum_of_checksums(parts: "list[CompletedPartTypeDef]") -> str:
    """Return the SHA-256 that S3 reports for a multipart object, in base64."""
    digests = b"".join(base64.b64decode(part.get("ChecksumSHA256", "")) for part in parts)
    return base64.b64encode(hashlib.sha256(digests).digest()).decode()
