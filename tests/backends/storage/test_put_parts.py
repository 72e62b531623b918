"""One contract for every object store: parts become one object, whole and where it was expected, or none."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from extractor.backends.storage.base import ObjectStore
from extractor.backends.storage.folder import FolderObjectStore
from extractor.backends.storage.s3 import S3ObjectStore
from extractor.errors import (
    AccessDeniedError,
    ConflictError,
    DeadlineError,
    ExtractorError,
    StorageUnavailableError,
)
from tests.support.servers.http import Answer, Request, serving

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART = 5 << 20  # S3 takes no smaller ones, but for the last


@pytest.fixture(params=["s3", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return FolderObjectStore(tmp_path / "store")
    bucket = request.getfixturevalue("new_bucket")()
    return S3ObjectStore(request.getfixturevalue("s3_client"), bucket)


def _parts(*fills: bytes) -> Iterator[bytes]:
    """Full ones, and a short one at the end."""
    for fill in fills[:-1]:
        yield fill * PART
    yield fills[-1]


def put(store: ObjectStore, parts: Iterator[bytes], replaces: str | None = None) -> str:
    return store.put_parts("a/tar", parts, content_type="application/x-tar", replaces=replaces)


def digest(store: ObjectStore) -> str | None:
    found = store.read("a/tar")
    return hashlib.sha256(found.data).hexdigest() if found else None


def expected(*fills: bytes) -> str:
    return hashlib.sha256(b"".join(_parts(*fills))).hexdigest()


@pytest.mark.parametrize("fills", [[b"only"], [b"a", b"end"], [b"a", b"b", b"c", b"d", b"end"]])
def test_parts_become_one_object(store: ObjectStore, fills: list[bytes]) -> None:
    etag = put(store, _parts(*fills))
    assert digest(store) == expected(*fills)
    assert [(entry.key, entry.etag) for entry in store.list("")] == [("a/tar", etag)]


def test_no_parts_become_an_empty_object(store: ObjectStore) -> None:
    put(store, iter(()))
    assert digest(store) == hashlib.sha256().hexdigest()


def test_they_replace_the_version_that_they_were_told_of(store: ObjectStore) -> None:
    first = put(store, _parts(b"a", b"end"))
    put(store, _parts(b"b", b"end"), replaces=first)
    assert digest(store) == expected(b"b", b"end")


@pytest.mark.failure_row(42)
def test_they_never_replace_what_was_not_expected(store: ObjectStore) -> None:
    put(store, _parts(b"a", b"end"))
    with pytest.raises(ConflictError):
        put(store, _parts(b"b", b"end"))
    assert digest(store) == expected(b"a", b"end")


@pytest.mark.failure_row(34)
def test_the_same_content_that_is_there_already_is_no_conflict(store: ObjectStore) -> None:
    first = put(store, _parts(b"a", b"b", b"end"))
    assert put(store, _parts(b"a", b"b", b"end")) == first


def test_parts_that_end_with_an_error_leave_nothing(store: ObjectStore) -> None:
    def broken() -> Iterator[bytes]:
        yield b"a" * PART
        yield b"b" * PART
        yield b"c" * PART
        raise DeadlineError("no time left")

    with pytest.raises(DeadlineError):
        put(store, broken())
    assert list(store.list("")) == []


def test_an_upload_to_s3_that_fails_is_not_left_open(
    s3_client: "S3Client", new_bucket: Callable[[], str]
) -> None:
    bucket = new_bucket()
    store = S3ObjectStore(s3_client, bucket)
    put(store, _parts(b"a", b"end"))
    for parts in (_parts(b"a", b"end"), _parts(b"b", b"end")):  # the same, and a conflict
        try:
            put(store, parts)
        except ConflictError:
            continue
    assert "Uploads" not in s3_client.list_multipart_uploads(Bucket=bucket)


def test_a_replacement_in_parts_is_under_the_condition_that_the_version_is_still_there(
    s3_client: "S3Client", new_bucket: Callable[[], str]
) -> None:
    sent: list[Any] = []
    s3_client.meta.events.register(
        "before-send.s3.CompleteMultipartUpload", lambda request, **_: sent.append(request.headers)
    )
    store = S3ObjectStore(s3_client, new_bucket())
    first = put(store, _parts(b"a", b"end"))
    put(store, _parts(b"b", b"end"), replaces=first)
    assert sent[0]["If-None-Match"] == b"*"
    assert sent[1]["If-Match"] == f'"{first}"'.encode()


_UPLOAD = b"<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
_XML = {"Content-Type": "application/xml"}


def _refusal(status: int, code: str) -> Answer:
    return Answer(status, f"<Error><Code>{code}</Code><Message>any</Message></Error>".encode(), _XML)


@pytest.mark.failure_row(32)
@pytest.mark.parametrize(
    ("at", "refusal", "error"),
    [
        ("PUT", _refusal(503, "SlowDown"), StorageUnavailableError),
        ("PUT", _refusal(403, "AccessDenied"), AccessDeniedError),
        ("POST", _refusal(500, "InternalError"), StorageUnavailableError),
        ("POST", _refusal(412, "PreconditionFailed"), ConflictError),
        ("POST", _refusal(409, "ConditionalRequestConflict"), ConflictError),
        ("POST", _refusal(404, "NoSuchUpload"), ConflictError),
        # S3 may find out only after it has answered 200.
        ("POST", Answer(200, _refusal(500, "InternalError").body, _XML), StorageUnavailableError),
    ],
)
def test_a_refusal_under_way_is_named_for_what_it_is_and_the_upload_given_up(
    aws_environment: dict[str, str], at: str, refusal: Answer, error: type[ExtractorError]
) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Answer:
        seen.append(request)
        if request.method == "POST" and "uploadId" not in request.path:
            return Answer(200, _UPLOAD, _XML)
        if request.method == at:
            return refusal
        if request.method == "HEAD":
            return Answer(200, b"", {"ETag": '"other"'})
        return Answer(204 if request.method == "DELETE" else 200, b"", {"ETag": '"part"'})

    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5)
    with serving(answer) as url:
        client = boto3.client("s3", endpoint_url=url, config=config)
        with pytest.raises(ExtractorError) as caught:
            put(S3ObjectStore(client, "bucket"), _parts(b"a", b"b", b"end"))
        client.close()
    assert type(caught.value) is error
    assert [request.path for request in seen if request.method == "DELETE"] == ["/bucket/a/tar?uploadId=u1"]
