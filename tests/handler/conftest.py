"""The handler as Lambda runs it: real SQS events, real S3 and SQS over HTTP, real FFmpeg."""

import hashlib
import io
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from postgrest import SyncPostgrestClient

import lambda_function
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.backends.state.supabase import build_postgrest_client
from extractor.backends.state.supabase.api_keys import KeySource
from extractor.backends.telemetry import logger
from extractor.domain.jobs import VideoRef
from extractor.domain.manifest import Manifest, parse_manifest
from local.lambda_runtime.sqs_event import build_event
from tests.support.servers.aws import aws_variables, moto_server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda tells a handler of its invocation."""

    seconds: float = 60
    function_name: str = "frame-extractor"
    memory_limit_in_mb: int = 2048
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:frame-extractor"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass(frozen=True, slots=True)
class World:
    """Everything around the handler."""

    s3: "S3Client"
    sqs: "SQSClient"
    state: SqliteStateStore
    queue_url: str
    dead_letter_url: str
    work_dir: Path
    database: Path

    def add_video(self, code: str, video: Path | bytes, key: str | None = None) -> None:
        """Upload a video and add its row."""
        data = video if isinstance(video, bytes) else video.read_bytes()
        self.s3.put_object(Bucket="oriane-videos", Key=key or f"{code}.mp4", Body=data)
        self.add_row(code)

    def add_row(self, code: str, *, is_fetched: bool = True) -> None:
        """The row of a video that is still to be done, as if nothing had happened to it before."""
        self.state.add(code, is_fetched=is_fetched)
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute(
                "UPDATE watched_content SET is_extracted = 0, extract_error = NULL WHERE code = ?", (code,)
            )

    def deliver(self, *bodies: object, receive_count: int = 1, seconds: float = 60) -> list[int]:
        """Invoke the handler with these bodies as one batch; the positions of those that come back."""
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=text)
        messages = self._receive(len(bodies))
        for message in messages:
            message["Attributes"]["ApproximateReceiveCount"] = str(receive_count)
        answer = self.invoke(build_event(messages, "arn:aws:sqs:us-east-1:123456789012:main"), seconds)
        failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        return [place for place, message in enumerate(messages) if message["MessageId"] in failed]

    def _receive(self, count: int) -> list[Any]:
        messages: list[Any] = []
        while len(messages) < count:
            messages += self.sqs.receive_message(
                QueueUrl=self.queue_url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
            ).get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return messages

    def invoke(self, event: dict[str, Any], seconds: float = 60) -> dict[str, Any]:
        answer: dict[str, Any] = lambda_function.lambda_handler(event, cast(Any, Context(seconds)))
        json.dumps(answer)
        return answer

    def is_extracted(self, code: str) -> bool:
        row = self.state.begin(VideoRef(code), lease_seconds=60)
        assert row is not None
        return row.is_extracted

    def objects(self) -> dict[str, bytes]:
        """All objects in the frames bucket."""
        entries = self.s3.list_objects_v2(Bucket="oriane-frames").get("Contents", [])
        return {
            entry["Key"]: self.s3.get_object(Bucket="oriane-frames", Key=entry["Key"])["Body"].read()
            for entry in entries
        }

    def manifest(self, code: str) -> Manifest | None:
        data = self.objects().get(f"{code}/manifest.json")
        return parse_manifest(data) if data is not None else None

    def dead_letters(self) -> list[dict[str, Any]]:
        """The dead letters so far, taken out: body, and attributes as plain strings."""
        messages = self.sqs.receive_message(
            QueueUrl=self.dead_letter_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", [])
        return [
            {
                "body": message["Body"],
                **{name: value["StringValue"] for name, value in message["MessageAttributes"].items()},
            }
            for message in messages
        ]


def assert_complete(world: World, code: str) -> None:
    """There is a manifest, and every frame that it lists is stored as it states."""
    manifest = world.manifest(code)
    assert manifest is not None
    assert manifest.frames
    stored = world.objects()
    for frame in manifest.frames:
        assert len(stored[frame.key]) == frame.size_bytes
        assert hashlib.sha256(stored[frame.key]).hexdigest() == frame.sha256


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the worker logs, from here on."""
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Sets variables and has the handler read them anew. Connections to Supabase are closed at the end,
    which a process that ends leaves to the system."""
    clients: list[SyncPostgrestClient] = []

    def build(
        url: str, key: str, token: str | None = None, renew: KeySource | None = None
    ) -> SyncPostgrestClient:
        clients.append(build_postgrest_client(url, key, token, renew))
        return clients[-1]

    def change(**variables: object) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        lambda_function._app.cache_clear()

    monkeypatch.setattr("extractor.backends.state.supabase.backend.build_postgrest_client", build)
    yield change
    for client in clients:
        client.session.close()


@pytest.fixture
def world(server: str, settings: Callable[..., None], tmp_path: Path) -> Iterator[World]:
    settings(
        **aws_variables(server),
        STATE_BACKEND="sqlite",
        SQLITE_PATH=tmp_path / "state.sqlite",
        WORK_DIR=tmp_path / "work",
    )
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    for bucket in ("oriane-videos", "oriane-frames"):
        s3.create_bucket(Bucket=bucket)
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("main", "dead")]
    settings(SQS_QUEUE_URL=urls[0], DEAD_LETTER_QUEUE_URL=urls[1])
    state = SqliteStateStore(tmp_path / "state.sqlite", "watched_content")
    yield World(s3, sqs, state, urls[0], urls[1], tmp_path / "work", tmp_path / "state.sqlite")
    lambda_function._app.cache_clear()
    _remove(s3, sqs, urls)


def _remove(s3: "S3Client", sqs: "SQSClient", urls: Sequence[str]) -> None:
    for bucket in ("oriane-videos", "oriane-frames"):
        for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=entry["Key"])
        s3.delete_bucket(Bucket=bucket)
    for url in urls:
        sqs.delete_queue(QueueUrl=url)
    s3.close()
    sqs.close()
