"""The function URL answers with the frame that was asked for, or says why not. Events are those of AWS."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import av
import cv2
import numpy as np
import pytest

from extractor.backends.storage.s3.ranged_object import S3RangedObject
from extractor.backends.telemetry import logger
from extractor.on_demand import function, response
from extractor.pipeline import download
from tests.handler.conftest import Context
from tests.support.media import clips

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PICTURES = "-f lavfi -i testsrc2=size=320x180:rate=25 -t 4 -c:v libx264 -preset ultrafast -crf 20 -g 25"
HEAD = 1 << 12

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    clips.ffmpeg(f"{PICTURES} {{0}}", path)
    return path


@pytest.fixture
def bucket(new_bucket: Callable[[], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The bucket of the videos. The function has no settings but this one."""
    name = new_bucket()
    monkeypatch.setenv("S3_BUCKET_VIDEOS", name)
    monkeypatch.setenv("WORK_DIR", str(tmp_path / "work"))
    monkeypatch.setenv("FETCH", "needed")
    monkeypatch.setattr("extractor.backends.storage.s3.store._CHUNK_BYTES", HEAD)
    monkeypatch.setattr("extractor.pipeline.partial_copy.HEAD_BYTES", HEAD)
    monkeypatch.setattr("extractor.pipeline.needed_bytes._MAX_GAP_BYTES", 1 << 10)
    function._viewer.cache_clear()
    yield name
    function._viewer.cache_clear()


@pytest.fixture
def ask(bucket: str, s3_client: "S3Client", clip: Path) -> Ask:
    """Puts the clip under the code ``abc`` and the platform's ``xyz``, and sends requests."""
    for key in ("abc.mp4", "instagram/xyz/video.mp4"):
        s3_client.upload_file(str(clip), bucket, key)

    def send(path: str, query: str = "", method: str = "GET", **headers: str) -> dict[str, Any]:
        answer = function.handler(_event(path, query, method, headers), cast(Any, Context()))
        return cast("dict[str, Any]", json.loads(json.dumps(answer)))

    return send


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of the ranges that were requested."""
    counts: list[int] = []
    chunks = S3RangedObject.chunks

    def counted(self: S3RangedObject, run: range) -> Iterator[bytes]:
        counts.append(len(run))
        return chunks(self, run)

    monkeypatch.setattr(S3RangedObject, "chunks", counted)
    return counts


def _event(path: str, query: str, method: str, headers: dict[str, str]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-request-payload"""
    domain = "abcdefghij.lambda-url.us-east-1.on.aws"
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "x"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": domain, "x-forwarded-proto": "https", **headers},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdefghij",
            "domainName": domain,
            "http": http,
            "requestId": "e1506fd5-9e7b-434f-bd42-4f8fa224b599",
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": 1583348638390,
        },
        "isBase64Encoded": False,
    }


def _pictures(path: Path) -> list[tuple[Fraction, "np.ndarray[Any, Any]"]]:
    """Time and pixels of every frame, by a full decode."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    first = frames[0].pts * frames[0].time_base
    return [(frame.pts * frame.time_base - first, frame.to_ndarray(format="bgr24")) for frame in frames]


def _shown(answer: dict[str, Any]) -> "np.ndarray[Any, Any]":
    assert answer["isBase64Encoded"]
    image = cv2.imdecode(np.frombuffer(base64.b64decode(answer["body"]), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


@pytest.mark.parametrize(
    ("path", "at", "shown"),
    [("/abc", "2.01", "2.04"), ("/abc", "2.04", "2.04"), ("/instagram/xyz", "-1", "3"), ("/abc", "-99", "0")],
)
def test_the_image_is_the_first_frame_at_or_after_the_time_from_few_bytes(
    path: str, at: str, shown: str, ask: Ask, clip: Path, received: list[int], tmp_path: Path
) -> None:
    answer = ask(path, f"at={at}&format=png")
    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == "image/png"
    assert Fraction(answer["headers"]["X-Frame-Time"]) == Fraction(shown)
    nearest = min(_pictures(clip), key=lambda one: np.abs(one[1].astype(int) - _shown(answer)).sum())
    assert nearest[0] == Fraction(shown)
    assert received
    assert sum(received) < clip.stat().st_size / 2
    assert not list((tmp_path / "work").iterdir())


def test_size_format_and_quality_are_those_of_the_request(ask: Ask) -> None:
    large, small = (ask("/abc", f"at=1&width=160&format=webp&quality={quality}") for quality in (95, 5))
    assert large["headers"]["Content-Type"] == "image/webp"
    assert _shown(large).shape == _shown(small).shape == (90, 160, 3)
    assert len(small["body"]) < len(large["body"])
    assert _shown(ask("/abc", "at=1&height=60")).shape == (60, 106, 3)


def test_a_client_with_this_version_is_told_so_without_any_decoding(
    ask: Ask, bucket: str, s3_client: "S3Client", clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, same, other = ask("/abc", "at=1"), ask("/abc", "at=1.0"), ask("/abc", "at=1&width=100")
    etag = first["headers"]["ETag"]
    assert same["headers"]["ETag"] == etag != other["headers"]["ETag"]
    with monkeypatch.context() as nothing_fetched:
        nothing_fetched.setattr(download.Downloads, "run", None)
        for condition in (etag, f'"x", W/{etag}', "*"):
            answer = ask("/abc", "at=1", **{"if-none-match": condition})
            assert (answer["statusCode"], answer["body"]) == (304, "")
            assert answer["headers"]["ETag"] == etag
            assert "max-age" in answer["headers"]["Cache-Control"]
    s3_client.put_object(Bucket=bucket, Key="abc.mp4", Body=clip.read_bytes() + b"\0\0\0\x08free")
    answer = ask("/abc", "at=1", **{"if-none-match": etag})
    assert answer["statusCode"] == 200
    assert answer["headers"]["ETag"] != etag


def test_head_gets_the_headers_of_get_and_no_body(ask: Ask) -> None:
    got, headed = ask("/abc", "at=1"), ask("/abc", "at=1", "HEAD")
    assert headed["headers"] == got["headers"]
    assert headed["body"] == ""


@pytest.mark.parametrize(
    ("path", "query", "named"),
    [
        ("/", "at=1", "path"),
        ("/a/b/c", "at=1", "path"),
        ("/../abc", "at=1", "path"),
        ("/abc%0a", "at=1", "path"),
        ("/abc", "", "at"),
        ("/abc", "at=", "at"),
        ("/abc", "at=nan", "at"),
        ("/abc", "at=1&at=2", "twice"),
        ("/abc", "at=1&width=1", "width"),
        ("/abc", "at=1&format=gif", "format"),
        ("/abc", "at=1&format=png&quality=5", "quality"),
        ("/abc", "at=1&strategy=scene", "strategy"),
        ("/abc", "at=%ff", "UTF-8"),
        ("/abc", "&".join(f"x{number}=1" for number in range(40)), "fields"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong_with_it(path: str, query: str, named: str, ask: Ask) -> None:
    answer = ask(path, query)
    assert answer["statusCode"] == 400
    assert answer["headers"]["Cache-Control"] == "no-store"
    told = json.loads(answer["body"])
    assert told["reason"] == "INVALID_MESSAGE"
    assert named in told["detail"]


def test_the_signature_of_a_presigned_request_is_no_option(ask: Ask) -> None:
    assert ask("/abc", "at=1&X-Amz-Signature=00&X-Amz-Expires=60")["statusCode"] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_not_allowed(method: str, ask: Ask) -> None:
    answer = ask("/abc", "at=1", method)
    assert answer["statusCode"] == 405
    assert answer["headers"]["Allow"] == "GET, HEAD"


def test_missing_and_unreadable_videos_and_times_after_the_end_have_their_own_statuses(
    ask: Ask, bucket: str, s3_client: "S3Client", monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_client.put_object(Bucket=bucket, Key="text.mp4", Body=b"no video\n" * 100)
    logs = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", logs)
    answers = [ask(path, "at=99") for path in ("/nothing", "/text", "/abc")]
    told = [(answer["statusCode"], json.loads(answer["body"])["reason"]) for answer in answers]
    assert told == [(404, "VIDEO_MISSING"), (422, "UNREADABLE"), (422, "NO_FRAMES")]
    assert [json.loads(line)["reason"] for line in logs.getvalue().splitlines()] == [one[1] for one in told]


def test_a_service_that_fails_asks_the_client_to_try_again(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_BUCKET_VIDEOS", "there-is-no-such-bucket")
    function._viewer.cache_clear()
    answer = ask("/abc", "at=1")
    assert answer["statusCode"] == 503
    assert json.loads(answer["body"])["reason"] == "STORAGE_UNAVAILABLE"
    assert int(answer["headers"]["Retry-After"]) > 0


def test_an_image_that_lambda_would_not_pass_on_is_refused(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    largest = response.image_response(bytes(response.MAX_IMAGE_BYTES), "png", 1.0, "0" * 64)
    assert largest["statusCode"] == 200
    assert len(json.dumps(largest)) <= 6 * 1024 * 1024
    monkeypatch.setattr(response, "MAX_IMAGE_BYTES", 100)
    answer = ask("/abc", "at=1")
    assert answer["statusCode"] == 413
    assert json.loads(answer["body"])["reason"] == "TOO_LARGE"
