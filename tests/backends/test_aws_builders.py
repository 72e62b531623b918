"""The worker's clients of AWS (botocore) and those of the command lines (boto3) are one and the same."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, NoCredentialsError

from extractor import container
from extractor.backends.aws import ClientBuilder, build_client, wrong_setting
from extractor.backends.aws_tools import build_boto3_client
from extractor.backends.queues.base import OutgoingMessage
from extractor.backends.queues.sqs import SqsDeadLetterQueue, SqsQueue, build_sqs_client
from extractor.backends.secrets import read_secret
from extractor.backends.storage.s3 import S3ObjectStore, build_s3_client
from extractor.errors import AccessDeniedError, QueueUnavailableError, SettingsError
from extractor.settings import load_settings
from tests.support.servers.http import Answer, Request, serving

BUILDERS = {"botocore": build_client, "boto3": build_boto3_client}
SHA256 = hashlib.sha256(b"bytes").hexdigest()
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/videos"

# Of one's own in each request, or of the library.
_IGNORED = {"host", "user-agent", "authorization", "x-amz-date", "amz-sdk-invocation-id"}

build_each = pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)


@pytest.fixture(autouse=True)
def _no_client_is_kept() -> Iterator[None]:
    container._s3_client.cache_clear()
    yield
    container._s3_client.cache_clear()


def _refusing(status: int, seen: list[Request]) -> Callable[[Request], Answer]:
    """A server that keeps what it is asked."""

    def answer(request: Request) -> Answer:
        seen.append(request)
        return Answer(status)

    return answer


def _requests(build: ClientBuilder, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, bytes, object]]:
    """What the server gets of an operation of each service."""
    requests: list[Request] = []
    with serving(_refusing(403, requests)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(AccessDeniedError):
            S3ObjectStore(build_s3_client(4, build), "bucket").read("a key+ä.mp4")
        with pytest.raises(AccessDeniedError):
            S3ObjectStore(build_s3_client(4, build), "bucket").put(
                "key", b"bytes", content_type="image/jpeg", sha256=SHA256, replaces=None
            )
        with pytest.raises(AccessDeniedError):
            SqsQueue(build_sqs_client(1, build), QUEUE).send([OutgoingMessage("body")])
        with pytest.raises(AccessDeniedError):
            list(SqsDeadLetterQueue(build_sqs_client(4, build), QUEUE).receive())
        with pytest.raises(SettingsError, match="SUPABASE_KEY_SECRET_ARN"):
            read_secret("arn:aws:secretsmanager:us-east-1:123456789012:secret:any", "SUPABASE_KEY", build)
    return [
        (
            request.method,
            request.path,
            request.body,
            {name: value for name, value in request.headers.items() if name.lower() not in _IGNORED},
        )
        for request in requests
    ]


def test_both_send_the_same_requests(
    aws_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, tools = (_requests(build, monkeypatch) for build in BUILDERS.values())
    assert worker == tools
    assert len(worker) >= 5


@build_each
def test_both_name_the_caller_s_own_region_and_credentials(
    build: ClientBuilder, aws_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Request] = []
    with serving(_refusing(403, seen)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
        with pytest.raises(AccessDeniedError):
            S3ObjectStore(build_s3_client(4, build), "bucket").read("key")
    (request,) = seen
    assert "/eu-west-3/s3/" in request.headers["Authorization"]
    assert f"Credential={aws_environment['AWS_ACCESS_KEY_ID']}/" in request.headers["Authorization"]


@build_each
def test_both_try_again_as_often_as_they_are_told(
    build: ClientBuilder, aws_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Request] = []
    with serving(_refusing(503, seen)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(QueueUnavailableError):
            SqsQueue(build_sqs_client(2, build), QUEUE).send([OutgoingMessage("body")])
    assert len(seen) == 2


@build_each
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_PROFILE", "no-such-profile"),
        ("AWS_DEFAULT_REGION", "no region!"),
        ("AWS_DEFAULT_REGION", None),
        ("AWS_ENDPOINT_URL", "no address"),
    ],
)
def test_both_raise_what_names_the_setting(
    build: ClientBuilder,
    aws_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str | None,
) -> None:
    monkeypatch.delenv("AWS_REGION")
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises((BotoCoreError, ValueError)) as caught:
        build_sqs_client(1, build)
    assert name.replace("DEFAULT_", "") in wrong_setting(caught.value)


@build_each
def test_both_lack_credentials_in_the_same_way(
    build: ClientBuilder, aws_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(
        AccessDeniedError, match=r"NoCredentialsError.*set AWS_PROFILE, or AWS_ACCESS_KEY_ID"
    ) as caught:
        SqsQueue(build_sqs_client(1, build), QUEUE).send([OutgoingMessage("body")])
    assert isinstance(caught.value.__cause__, NoCredentialsError)


@build_each
@pytest.mark.operations_row(15)
def test_both_start_with_a_home_that_may_not_be_entered(
    build: ClientBuilder, aws_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A name that is too long cannot be looked up, either, and that holds for root as well.
    monkeypatch.setenv("HOME", "/" + "h" * 300)
    build_s3_client(4, build).close()


def test_the_command_lines_take_boto3_and_the_worker_does_not(
    aws_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    built: list[str] = []

    def recording(name: str, build: ClientBuilder) -> ClientBuilder:
        def make(service: str, config: Config) -> Any:
            built.append(f"{name} {service}")
            return build(service, config)

        return make

    monkeypatch.setattr("extractor.backends.aws.build_client", recording("botocore", build_client))
    monkeypatch.setattr(
        "extractor.backends.aws_tools.build_boto3_client", recording("boto3", build_boto3_client)
    )
    settings = load_settings(
        {
            "STATE_BACKEND": "sqlite",
            "SQLITE_PATH": str(tmp_path / "state"),
            "SQS_QUEUE_URL": QUEUE,
            "DEAD_LETTER_QUEUE_URL": QUEUE,
        }
    )
    of_the_tools: list[Callable[[], object]] = [
        lambda: container.build_job_queue(settings),
        lambda: container.build_dead_letter_reader(settings),
        lambda: container.build_tools_object_store(settings, "bucket"),
    ]
    for make in of_the_tools:
        make()
    assert built == ["boto3 sqs", "boto3 sqs", "boto3 s3"]
    container.build_object_store(settings, "bucket")
    dead_letters = container.build_dead_letters(settings)
    assert dead_letters is not None
    with serving(lambda _: Answer(403)) as url, pytest.raises(AccessDeniedError):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        dead_letters.send([OutgoingMessage("body")])
    assert built[3:] == ["botocore s3", "botocore sqs"]
