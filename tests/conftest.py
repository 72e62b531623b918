"""An AWS on this machine: moto's server, started once, and fresh buckets and queues on it."""

import logging
import os
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws_environment(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The AWS variables, which are set, and no others: whoever runs the tests may have an account."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    variables = {
        "AWS_ENDPOINT_URL": moto_url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return variables


@pytest.fixture
def s3_client(aws_environment: dict[str, str]) -> Iterator["S3Client"]:
    client = boto3.client("s3")
    yield client
    client.close()


@pytest.fixture
def sqs_client(aws_environment: dict[str, str]) -> Iterator["SQSClient"]:
    client = boto3.client("sqs")
    yield client
    client.close()


@pytest.fixture
def new_bucket(s3_client: "S3Client") -> Callable[[], str]:
    """Makes a bucket; gives its name."""

    def make() -> str:
        name = f"bucket-{uuid.uuid4().hex}"
        s3_client.create_bucket(Bucket=name)
        return name

    return make


@pytest.fixture
def new_queue(sqs_client: "SQSClient") -> Callable[[], str]:
    """Makes a queue; gives its URL."""
    return lambda: sqs_client.create_queue(QueueName=f"queue-{uuid.uuid4().hex}")["QueueUrl"]
