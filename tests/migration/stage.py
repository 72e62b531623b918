"""The world that an older system left: its buckets, its table, its queue, with the handler in its place."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import lambda_function
from local.lambda_runtime.sqs_event import build_event
from tests.handler.conftest import Context

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

_QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:main"


class State(Protocol):
    """An older system's table."""

    def fill(self, entries: Iterable[Mapping[str, Any]]) -> None: ...

    def entries(self) -> list[Mapping[str, Any]]: ...


class Rows:
    """The columns of the older Supabase table, in SQLite: both keep one contract (`tests/backends`)."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._execute(
            "CREATE TABLE insta_content (code TEXT PRIMARY KEY, is_downloaded BOOLEAN, is_extracted BOOLEAN,"
            " frames INTEGER, extract_error TEXT)"
        )

    def fill(self, entries: Iterable[Mapping[str, Any]]) -> None:
        for entry in entries:
            self._execute(
                "INSERT INTO insta_content (code, is_downloaded, is_extracted)"
                " VALUES (:code, :is_downloaded, :is_extracted)",
                entry,
            )

    def entries(self) -> list[Mapping[str, Any]]:
        return self._execute("SELECT * FROM insta_content ORDER BY code")

    def _execute(self, statement: str, values: Mapping[str, Any] | tuple[()] = ()) -> list[Mapping[str, Any]]:
        with closing(sqlite3.connect(self._database)) as connection, connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement, values)]


@dataclass(frozen=True, slots=True)
class Items:
    """The older DynamoDB table."""

    table: "Table"

    def fill(self, entries: Iterable[Mapping[str, Any]]) -> None:
        for entry in entries:
            self.table.put_item(Item=entry)

    def entries(self) -> list[Mapping[str, Any]]:
        return list(self.table.scan()["Items"])


@dataclass(frozen=True, slots=True)
class Stage:
    """All that surrounds the handler."""

    s3: "S3Client"
    sqs: "SQSClient"
    queue_url: str
    state: State

    def invoke(self, event: str) -> None:
        """Directly, with the event and nothing around it."""
        lambda_function.lambda_handler(json.loads(event), cast(Any, Context()))

    def deliver(self, body: str) -> None:
        """Through the queue; the message must not come back."""
        assert self.is_acknowledged(body)

    def is_acknowledged(self, body: str, receive_count: int = 1) -> bool:
        """Whether the message does not come back after this delivery."""
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)
        received = self.sqs.receive_message(QueueUrl=self.queue_url, MessageSystemAttributeNames=["All"])
        (message,) = received["Messages"]
        message["Attributes"]["ApproximateReceiveCount"] = str(receive_count)
        self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        event = build_event([message], _QUEUE_ARN)
        answer = lambda_function.lambda_handler(event, cast(Any, Context()))
        return bool(answer == {"batchItemFailures": []})

    def objects(self, bucket: str, but: Sequence[str]) -> dict[str, bytes]:
        """What is in the bucket, `but` for these keys."""
        found = self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {
            entry["Key"]: self.s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            for entry in found
            if entry["Key"] not in but
        }
