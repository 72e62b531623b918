"""An AWS on this machine: moto's server, started once, and fresh buckets and queues on it."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from tests.support import skipped
from tests.support.servers.aws import aws_variables, moto_server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


_TESTS = Path(__file__).parent
_SPEEDS = {
    "proof": 0,
    "fuzz": 0,
    "enqueue": 0,
    "local": 0,
    "migration": 0,
    "reconcile": 0,
    "media": 1,
    "infra": 2,
}


def pytest_configure() -> None:
    # Where a shell runs tests in the background, Ctrl-C is ignored, by every child, too: some are sent it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest folders first, so that no worker is left alone with one of their files at the end."""
    items.sort(key=lambda item: _SPEEDS.get(item.path.relative_to(_TESTS).parts[0], len(_SPEEDS)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End with what was skipped, and how to install what it lacks."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = [str(report.longrepr[2]) for report in reports if isinstance(report.longrepr, tuple)]
    for line in skipped.summary(reasons):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def aws_environment(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The AWS variables, which are set, and no others: whoever runs the tests may have an account."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    variables = aws_variables(moto_url)
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
