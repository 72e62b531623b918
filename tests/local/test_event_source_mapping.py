"""What the event source mapping shows to a handler, and how it reads the handler's answer."""

import base64
import hashlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.lambda_runtime import event_source_mapping
from local.lambda_runtime.event_source_mapping import EventSourceMapping, QueueSource
from local.lambda_runtime.function import FunctionConfig, LocalFunction
from local.lambda_runtime.sqs_event import build_event, failed_ids

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

ARN = "arn:aws:sqs:eu-west-3:123456789012:videos"
BATCH = ("a", "b", "c")

batches = st.lists(st.uuids().map(str), min_size=1, max_size=10, unique=True)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
responses = st.one_of(
    json_values,
    st.builds(lambda value: {"batchItemFailures": value}, json_values),
    st.builds(
        lambda values: {"batchItemFailures": [{"itemIdentifier": value} for value in values]},
        st.lists(json_values, max_size=4),
    ),
)


def _naming(*ids: object) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in ids]}


@pytest.mark.parametrize("response", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_an_empty_answer_acknowledges_the_whole_batch(response: object) -> None:
    assert failed_ids(BATCH, response) == frozenset()


@pytest.mark.parametrize(
    "response",
    [
        "done",
        7,
        [],
        True,
        {"batchItemFailures": "b"},
        {"batchItemFailures": {"itemIdentifier": "b"}},
        {"batchItemFailures": ["b"]},
        {"batchItemFailures": [{"messageId": "b"}]},
        _naming(""),
        _naming(None),
        _naming(["b"]),
        _naming("b", "unknown"),
    ],
)
def test_an_answer_that_makes_no_sense_acknowledges_nothing(response: object) -> None:
    assert failed_ids(BATCH, response) == frozenset(BATCH)


@given(st.data())
def test_exactly_the_named_messages_come_back(data: st.DataObject) -> None:
    batch = data.draw(batches)
    named = data.draw(st.lists(st.sampled_from(batch)))
    assert failed_ids(batch, _naming(*named)) == frozenset(named)


@given(batches, responses)
def test_any_answer_at_all_gives_ids_of_the_batch(batch: list[str], response: object) -> None:
    assert failed_ids(batch, response) <= frozenset(batch)


def test_a_record_has_the_form_that_lambda_gives_it() -> None:
    body = '{"code": "abc"}'
    message: MessageTypeDef = {
        "MessageId": "m-1",
        "ReceiptHandle": "r-1",
        "Body": body,
        "MD5OfBody": hashlib.md5(body.encode()).hexdigest(),
        "MD5OfMessageAttributes": "0" * 32,
        "Attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1700000000000"},
        "MessageAttributes": {
            "origin": {"DataType": "String", "StringValue": "backlog"},
            "mark": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        },
    }
    assert build_event([message], ARN) == {
        "Records": [
            {
                "messageId": "m-1",
                "receiptHandle": "r-1",
                "body": body,
                "md5OfBody": message["MD5OfBody"],
                "md5OfMessageAttributes": "0" * 32,
                "attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1700000000000"},
                "messageAttributes": {
                    "origin": {
                        "stringValue": "backlog",
                        "stringListValues": [],
                        "binaryListValues": [],
                        "dataType": "String",
                    },
                    "mark": {
                        "binaryValue": base64.b64encode(b"\x00\xff").decode(),
                        "stringListValues": [],
                        "binaryListValues": [],
                        "dataType": "Binary",
                    },
                },
                "eventSource": "aws:sqs",
                "eventSourceARN": ARN,
                "awsRegion": "eu-west-3",
            }
        ]
    }


class _EmptyQueue:
    """Answers as an SQS queue without messages."""

    def receive_message(self, **_: object) -> dict[str, Any]:
        return {}


class _InterruptedPool(ThreadPoolExecutor):
    """Starts one thread; Ctrl-C comes when the second is asked for."""

    def submit(self, *arguments: Any, **options: Any) -> "Future[Any]":
        if self._threads:
            raise KeyboardInterrupt
        return super().submit(*arguments, **options)


def test_ctrl_c_while_the_threads_start_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_source_mapping, "ThreadPoolExecutor", _InterruptedPool)
    functions = [LocalFunction(FunctionConfig({}, tmp_path / "log", 1)) for _ in range(2)]
    source = QueueSource(cast("SQSClient", _EmptyQueue()), "url", ARN)
    mapping = EventSourceMapping(source, functions)
    with pytest.raises(KeyboardInterrupt), mapping:
        pytest.fail("it was entered")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mapping")]
