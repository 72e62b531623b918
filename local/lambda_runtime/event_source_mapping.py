"""The event source mapping: SQS to function, as AWS documents it for `ReportBatchItemFailures`.

Receives batches, invokes, deletes what succeeded. What failed is left alone and comes back when its
visibility time-out ends; the queue's redrive policy bounds how often.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from local.lambda_runtime.function import FunctionError, LocalFunction
from local.lambda_runtime.sqs_event import build_event, failed_ids

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import DeleteMessageBatchRequestEntryTypeDef, MessageTypeDef

_POLL_SECONDS = 1  # short, so that stopping is quick; AWS waits 20


@dataclass(frozen=True, slots=True)
class Invocation:
    """What became of one batch: the records of its event, the ids that failed, and why if all did."""

    records: Sequence[dict[str, Any]]
    failed: frozenset[str]
    seconds: float
    error: FunctionError | None = None


@dataclass(frozen=True, slots=True)
class QueueSource:
    """The queue to poll. AWS leaves a failed message invisible until its visibility time-out ends;
    with `retry_seconds` it comes back after that time instead."""

    sqs: "SQSClient"
    url: str
    arn: str
    batch_size: int = 10
    retry_seconds: int | None = None


class EventSourceMapping:
    """A context manager: polls while it is entered, one thread for each function.

    `observe` is called after each invocation, from that thread. Leaving waits for the invocations
    under way; leaving by an exception stops them.
    """

    def __init__(
        self,
        source: QueueSource,
        functions: Sequence[LocalFunction],
        observe: Callable[[Invocation], None] = lambda _: None,
    ) -> None:
        self._source = source
        self._functions = functions
        self._observe = observe
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(len(functions), thread_name_prefix="mapping")
        self._pollers: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._pollers = [self._pool.submit(self._poll, function) for function in self._functions]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if error is not None:
            for function in self._functions:
                function.stop()
        self._pool.shutdown()

    def check(self) -> None:
        """Raise what ended a poller, if something did: without this nobody would notice."""
        for poller in self._pollers:
            if poller.done():
                poller.result()

    def _poll(self, function: LocalFunction) -> None:
        source = self._source
        while not self._stop.is_set():
            messages = source.sqs.receive_message(
                QueueUrl=source.url,
                MaxNumberOfMessages=source.batch_size,
                WaitTimeSeconds=_POLL_SECONDS,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            if messages:
                invocation = self._invoke(function, messages)
                self._settle(messages, invocation.failed)
                self._observe(invocation)

    def _invoke(self, function: LocalFunction, messages: "Sequence[MessageTypeDef]") -> Invocation:
        event = build_event(messages, self._source.arn)
        ids = [message["MessageId"] for message in messages]
        start = time.monotonic()
        try:
            response = function.invoke(event)
        except FunctionError as error:
            return Invocation(event["Records"], frozenset(ids), time.monotonic() - start, error)
        return Invocation(event["Records"], failed_ids(ids, response), time.monotonic() - start)

    def _settle(self, messages: "Sequence[MessageTypeDef]", failed: frozenset[str]) -> None:
        """Delete what succeeded. A deletion that SQS refuses means a redelivery, which does no harm."""
        source = self._source
        done = [message for message in messages if message["MessageId"] not in failed]
        if done:
            source.sqs.delete_message_batch(
                QueueUrl=source.url, Entries=[_entry(message) for message in done]
            )
        again = [message for message in messages if message["MessageId"] in failed]
        if again and source.retry_seconds is not None:
            source.sqs.change_message_visibility_batch(
                QueueUrl=source.url,
                Entries=[{**_entry(message), "VisibilityTimeout": source.retry_seconds} for message in again],
            )


def _entry(message: "MessageTypeDef") -> "DeleteMessageBatchRequestEntryTypeDef":
    return {"Id": message["MessageId"], "ReceiptHandle": message["ReceiptHandle"]}
