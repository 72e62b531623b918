"""The enqueuer as a process: a state file, a queue, and the environment that names them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extractor.backends.state.sqlite import SqliteStateStore
from tests.enqueue.command_line import CODES, Setup

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def setup(
    tmp_path: Path,
    aws_environment: dict[str, str],
    sqs_client: "SQSClient",
    new_queue: Callable[[], str],
) -> Setup:
    state = SqliteStateStore(tmp_path / "state.sqlite", "watched_content")
    for code in CODES:
        state.add(code, is_fetched=True)
    queue_url = new_queue()
    environment = {
        **aws_environment,
        "PATH": os.environ["PATH"],
        "STATE_BACKEND": "sqlite",
        "SQLITE_PATH": str(tmp_path / "state.sqlite"),
        "SQS_QUEUE_URL": queue_url,
    }
    return Setup(state, sqs_client, queue_url, tmp_path, environment)
