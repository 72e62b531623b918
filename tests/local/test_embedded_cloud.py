"""The embedded cloud behaves as AWS does where it matters, and leaves no process behind."""

import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.cloud import EmbeddedCloud
from local.embedded.child_process import ROOT
from local.lambda_runtime.event_source_mapping import EventSourceMapping, Invocation, QueueSource
from local.lambda_runtime.function import LocalFunction
from tests.local.tiny import PATIENCE_SECONDS, Witness, tiny_function

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

PARENT = """
import os, sys
from pathlib import Path
from local.cloud import EmbeddedCloud
from local.lambda_runtime.function import FunctionConfig, LocalFunction

root = Path(sys.argv[1])
config = FunctionConfig({"PATH": os.environ["PATH"]}, root / "log", 600, "tiny.hang", root)
with EmbeddedCloud(), LocalFunction(config) as function:
    function.invoke("now")
"""


@pytest.fixture(scope="module")
def cloud() -> Iterator[EmbeddedCloud]:
    with EmbeddedCloud(visibility_timeout_seconds=1) as running:
        yield running


@contextmanager
def _mapping(
    cloud: EmbeddedCloud, function: LocalFunction, retry_seconds: int | None = None
) -> Iterator["queue.Queue[Invocation]"]:
    seen: queue.Queue[Invocation] = queue.Queue()
    source = QueueSource(cloud.sqs(), cloud.queue_url, cloud.queue_arn, retry_seconds=retry_seconds)
    with EventSourceMapping(source, [function], seen.put):
        yield seen


def _dead_letter(cloud: EmbeddedCloud) -> "MessageTypeDef":
    for _ in range(PATIENCE_SECONDS):
        answer = cloud.sqs().receive_message(
            QueueUrl=cloud.dead_letter_queue_url, WaitTimeSeconds=1, MessageSystemAttributeNames=["All"]
        )
        for message in answer.get("Messages", []):
            cloud.sqs().delete_message(
                QueueUrl=cloud.dead_letter_queue_url, ReceiptHandle=message["ReceiptHandle"]
            )
            return message
    raise AssertionError("no dead letter came")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_message_that_always_fails_is_dead_lettered_after_three_deliveries(
    cloud: EmbeddedCloud, task_root: Path
) -> None:
    with tiny_function(task_root, "fail") as function, _mapping(cloud, function) as seen:
        sent = cloud.sqs().send_message(QueueUrl=cloud.queue_url, MessageBody="poison")["MessageId"]
        invocations = [seen.get(timeout=PATIENCE_SECONDS) for _ in range(3)]
        assert _dead_letter(cloud)["MessageId"] == sent
    counts = [item.records[0]["attributes"]["ApproximateReceiveCount"] for item in invocations]
    assert counts == ["1", "2", "3"]
    assert {item.error.error_type for item in invocations if item.error} == {"ValueError"}
    assert seen.empty()


def test_only_the_failed_part_of_a_batch_comes_back(cloud: EmbeddedCloud, task_root: Path) -> None:
    entries: list[Any] = [{"Id": str(number), "MessageBody": str(number)} for number in range(4)]
    cloud.sqs().send_message_batch(QueueUrl=cloud.queue_url, Entries=entries)
    deliveries: dict[str, int] = {}
    with (
        tiny_function(task_root, "refuse_odd") as function,
        _mapping(cloud, function, retry_seconds=0) as seen,
    ):
        while sum(deliveries.values()) < 8:
            for record in seen.get(timeout=PATIENCE_SECONDS).records:
                deliveries[record["body"]] = deliveries.get(record["body"], 0) + 1
        assert {_dead_letter(cloud)["Body"], _dead_letter(cloud)["Body"]} == {"1", "3"}
    assert deliveries == {"0": 1, "1": 3, "2": 1, "3": 3}


def test_nothing_is_left_after_closing(task_root: Path) -> None:
    with EmbeddedCloud() as cloud, tiny_function(task_root, "echo") as function:
        function.invoke({})
        pids = [cloud.pid, function.pid]
    assert not [pid for pid in pids if pid is None or _is_alive(pid)]


def test_nothing_is_left_when_the_parent_is_killed(task_root: Path, witness: Witness) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(task_root)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    witness.wait_for(b"x")
    parent.send_signal(signal.SIGKILL)
    parent.communicate(timeout=PATIENCE_SECONDS)  # ends when the server, which shares this pipe, has ended
    witness.wait_for(b"")
