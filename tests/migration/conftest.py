"""The stage of an older system, empty."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

import lambda_function
from extractor import container
from tests.migration.stage import Items, Rows, Stage, State

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

_BUCKETS = ("S3_BUCKET_VIDEOS", "S3_BUCKET_FRAMES", "BUCKET_NAME")


@pytest.fixture
def set_up(
    s3_client: "S3Client",
    sqs_client: "SQSClient",
    new_queue: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Callable[[Mapping[str, str]], Stage]]:
    """Makes the stage for these settings, and has the handler read them."""
    ends: list[Callable[[], object]] = [
        lambda_function._app.cache_clear,
        container._s3_client.cache_clear,
    ]

    def make(settings: Mapping[str, str]) -> Stage:
        variables = {
            "STATE_BACKEND": "sqlite",
            "SQLITE_PATH": str(tmp_path / "state.sqlite"),
            "DEAD_LETTER_QUEUE_URL": new_queue(),
            **settings,
            "TMP_DIR" if "TMP_DIR" in settings else "WORK_DIR": str(tmp_path / "work"),
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        for bucket in {settings[name] for name in _BUCKETS if name in settings}:
            s3_client.create_bucket(Bucket=bucket)
            ends.append(lambda bucket=bucket: _remove(s3_client, bucket))  # type: ignore[misc]
        for forget in ends[:2]:  # another test's server
            forget()
        return Stage(s3_client, sqs_client, new_queue(), state(variables))

    def state(variables: Mapping[str, str]) -> State:
        if variables["STATE_BACKEND"] == "sqlite":
            return Rows(tmp_path / "state.sqlite")
        resource = boto3.resource("dynamodb")
        table = resource.create_table(
            TableName=variables["VIDEOS_TABLE"],
            KeySchema=[{"AttributeName": "video_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "video_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        ends.extend([table.delete, resource.meta.client.close])
        return Items(table)

    yield make
    for end in ends:
        end()


def _remove(s3: "S3Client", bucket: str) -> None:
    for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=entry["Key"])
    s3.delete_bucket(Bucket=bucket)
