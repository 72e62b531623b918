"""Fixtures of the tests that start processes."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extractor.backends.state.sqlite import SqliteStateStore
from tests.end_to_end.command_line import CODES, Setup
from tests.end_to_end.tiny import HANDLER, Witness

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def task_root(tmp_path: Path) -> Path:
    (tmp_path / "tiny.py").write_text(HANDLER)
    return tmp_path


@pytest.fixture
def witness(task_root: Path) -> Iterator[Witness]:
    witness = Witness(task_root / "witness")
    yield witness
    witness.close()


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
