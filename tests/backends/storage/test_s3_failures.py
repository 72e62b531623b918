"""Every failure of S3 is named for what it is: above all, no denial is taken for a missing video."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from extractor.backends.storage.s3 import S3ObjectStore
from extractor.errors import (
    AccessDeniedError,
    ArchivedError,
    ConflictError,
    ExtractorError,
    SourceChangedError,
    StorageUnavailableError,
    VideoMissingError,
)
from tests.support.servers.http import Answer, Request, serving

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SHA256 = hashlib.sha256(b"data").hexdigest()

REFUSALS = [
    (404, "NoSuchKey", VideoMissingError),
    (404, "NoSuchBucket", StorageUnavailableError),
    (403, "AccessDenied", AccessDeniedError),
    (403, "InvalidAccessKeyId", AccessDeniedError),
    (400, "ExpiredToken", AccessDeniedError),
    (400, "KMS.DisabledException", AccessDeniedError),
    (400, "KMS.ThrottlingException", StorageUnavailableError),
    (403, "InvalidObjectState", ArchivedError),
    (412, "PreconditionFailed", SourceChangedError),
    (503, "SlowDown", StorageUnavailableError),
    (500, "InternalError", StorageUnavailableError),
    (400, "SomethingNew", StorageUnavailableError),
]


@pytest.fixture
def client_for(aws_environment: dict[str, str]) -> Callable[[str], "S3Client"]:
    """A client of that endpoint that does not try again."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=1)
    return lambda url: boto3.client("s3", endpoint_url=url, config=config)


StoreOf = Callable[[Answer], Any]


@pytest.fixture
def store_answering(client_for: Callable[[str], "S3Client"]) -> StoreOf:
    @contextmanager
    def answering(answer: Answer) -> Iterator[S3ObjectStore]:
        with serving(lambda _: answer) as url:
            client = client_for(url)
            yield S3ObjectStore(client, "bucket")
            client.close()

    return answering


def refusal(status: int, code: str) -> Answer:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>any text</Message></Error>"
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})


@pytest.mark.failure_row(8)
@pytest.mark.failure_row(9)
@pytest.mark.failure_row(10)
@pytest.mark.failure_row(32)
@pytest.mark.parametrize(("status", "code", "expected"), REFUSALS)
def test_a_refusal_is_named_for_what_it_is(
    store_answering: StoreOf, status: int, code: str, expected: type[ExtractorError]
) -> None:
    with store_answering(refusal(status, code)) as store, pytest.raises(ExtractorError) as caught:
        store.open("key").__enter__()
    assert type(caught.value) is expected


@pytest.mark.parametrize(("status", "code", "expected"), REFUSALS[1:])
def test_a_refusal_is_the_same_whatever_was_asked(
    store_answering: StoreOf, status: int, code: str, expected: type[ExtractorError]
) -> None:
    with store_answering(refusal(status, code)) as store:
        for call in (
            lambda: store.read("key"),
            lambda: list(store.list("")),
            lambda: store.delete(["key"]),
            lambda: store.put("key", b"data", content_type="text/plain", sha256=SHA256, replaces=None),
        ):
            with pytest.raises(ExtractorError) as caught:
                call()
            assert type(caught.value) is expected


@pytest.mark.failure_row(12)
def test_a_body_that_ends_early_is_noticed(store_answering: StoreOf) -> None:
    answer = Answer(200, b"x" * 50_000, {"ETag": '"v1"'}, promised_bytes=100_000)
    with store_answering(answer) as store, store.open("key") as stream:
        assert (stream.etag, stream.size_bytes) == ("v1", 100_000)
        with pytest.raises(SourceChangedError):
            list(stream.chunks())


@pytest.mark.parametrize(
    ("code", "expected"), [("AccessDenied", AccessDeniedError), ("InternalError", StorageUnavailableError)]
)
def test_a_key_that_is_not_deleted_is_an_error_although_the_answer_is_200(
    store_answering: StoreOf, code: str, expected: type[ExtractorError]
) -> None:
    error = f"<Error><Key>a</Key><Code>{code}</Code><Message>any text</Message></Error>"
    answer = Answer(200, f"<?xml version='1.0'?><DeleteResult>{error}</DeleteResult>".encode())
    with store_answering(answer) as store, pytest.raises(expected):
        store.delete(["a", "b"])


@pytest.mark.failure_row(32)
def test_an_endpoint_that_is_not_there_is_storage_that_is_unavailable(
    client_for: Callable[[str], "S3Client"],
) -> None:
    with serving(lambda _: Answer(200)) as url:
        pass  # the port is closed again
    with pytest.raises(StorageUnavailableError):
        S3ObjectStore(client_for(url), "bucket").read("key")


@pytest.mark.failure_row(9)
def test_missing_credentials_say_nothing_about_the_video(
    client_for: Callable[[str], "S3Client"], monkeypatch: pytest.MonkeyPatch, moto_url: str
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AccessDeniedError):
        S3ObjectStore(client_for(moto_url), "bucket").read("key")


def test_s3_is_given_the_checksum_and_the_content_type(
    s3_client: "S3Client", new_bucket: Callable[[], str]
) -> None:
    bucket, sent = new_bucket(), []
    s3_client.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.append(request))
    S3ObjectStore(s3_client, bucket).put(
        "key", b"data", content_type="image/webp", sha256=SHA256, replaces=None
    )
    checksum = sent[0].headers["x-amz-checksum-sha256"].decode()
    assert base64.b64decode(checksum) == hashlib.sha256(b"data").digest()
    assert s3_client.head_object(Bucket=bucket, Key="key")["ContentType"] == "image/webp"


@pytest.mark.parametrize(("busy", "puts"), [(0, 1), (2, 3), (3, 3)])
def test_a_write_waits_for_another_one_of_the_same_key(
    client_for: Callable[[str], "S3Client"], monkeypatch: pytest.MonkeyPatch, busy: int, puts: int
) -> None:
    """S3 answers 409 while another write, such as an attempt that has timed out here, is under way."""
    monkeypatch.setattr("extractor.backends.storage.s3.conditional_writes._PAUSES_SECONDS", (0, 0))
    sent: list[str] = []

    def answer(request: Request) -> Answer:
        sent.append(request.method)
        if request.method == "HEAD":
            return Answer(404)
        if sent.count("PUT") <= busy:
            return refusal(409, "ConditionalRequestConflict")
        return Answer(200, headers={"ETag": '"stored"'})

    with serving(answer) as url:
        store = S3ObjectStore(client_for(url), "bucket")
        if busy < 3:
            etag = store.put("key", b"data", content_type="image/webp", sha256=SHA256, replaces=None)
            assert etag == "stored"
        else:
            with pytest.raises(ConflictError):
                store.put("key", b"data", content_type="image/webp", sha256=SHA256, replaces=None)
    assert sent.count("PUT") == puts


def test_s3_is_never_told_to_delete_more_than_it_takes(
    s3_client: "S3Client", new_bucket: Callable[[], str]
) -> None:
    sizes: list[int] = []

    def count(params: dict[str, Any], **_: object) -> None:
        sizes.append(len(params["Delete"]["Objects"]))

    s3_client.meta.events.register("before-parameter-build.s3.DeleteObjects", count)
    S3ObjectStore(s3_client, new_bucket()).delete([f"missing/{number}" for number in range(1_001)])
    assert sizes == [1_000, 1]


DELETED = "<?xml version='1.0'?><DeleteResult>{}</DeleteResult>"
REFUSED = "<Error><Key>{}</Key><Code>{}</Code><Message>any text</Message></Error>"


@pytest.mark.failure_row(42)
@pytest.mark.parametrize("code", ["PreconditionFailed", "NoSuchKey", "ConditionalRequestConflict"])
def test_an_object_that_is_another_version_now_is_not_deleted_and_that_is_no_error(
    client_for: Callable[[str], "S3Client"], code: str
) -> None:
    bodies: list[bytes] = []

    def answer(request: Request) -> Answer:
        bodies.append(request.body)
        return Answer(200, DELETED.format(REFUSED.format("a", code)).encode())

    with serving(answer) as url:
        S3ObjectStore(client_for(url), "bucket").delete(["a", "b"], versions={"a": "seen"})
    assert len(bodies) == 1
    assert b"<ETag>&quot;seen&quot;</ETag>" in bodies[0] or b'<ETag>"seen"</ETag>' in bodies[0]
    assert bodies[0].count(b"<ETag>") == 1


@pytest.mark.failure_row(42)
@pytest.mark.parametrize("as_a_whole", [True, False])
def test_a_server_that_does_not_know_the_condition_deletes_without_it(
    client_for: Callable[[str], "S3Client"], as_a_whole: bool
) -> None:
    bodies: list[bytes] = []

    def answer(request: Request) -> Answer:
        bodies.append(request.body)
        if b"<ETag>" not in request.body:
            return Answer(200, DELETED.format("").encode())
        if as_a_whole:
            return refusal(501, "NotImplemented")
        return Answer(200, DELETED.format(REFUSED.format("a", "NotImplemented")).encode())

    with serving(answer) as url:
        S3ObjectStore(client_for(url), "bucket").delete(["a"], versions={"a": "seen"})
    assert b"<Key>a</Key>" in bodies[-1]
    assert b"<ETag>" not in bodies[-1]
