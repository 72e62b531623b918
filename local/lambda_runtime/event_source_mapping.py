"""Event source mapping: delivers SQS messages to the function as AWS does with `ReportBatchItemFailures`.

Receives batches, invokes the function, and deletes successful messages. Failed messages reappear after their
visibility timeout; the queue's redrive policy limits the number of deliveries.
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
    """The result of one batch.

    Attributes:
        records: The records of the event.
        failed: The IDs of failed messages.
        seconds: The duration.
        error: The error of the invocation, if all records failed because of it.
    """

    records: Sequence[dict[str, Any]]
    failed: frozenset[str]
    seconds: float
    error: FunctionError | None = None


@dataclass(frozen=True, slots=True)
class QueueSource:
    """The queue to poll.

    Attributes:
        sqs: The client.
        url: The URL of the queue.
        arn: The ARN of the queue.
        batch_size: The maximum number of messages per event.
        retry_seconds: When failed messages reappear; by default after their visibility timeout, as on AWS.
    """

    sqs: "SQSClient"
    url: str
    arn: str
    batch_size: int = 10
    retry_seconds: int | None = None


class EventSourceMapping:
    """A context manager that polls while it is entered, with one thread per function.

    Leaving it waits for running invocations; leaving it with an exception stops them.

    Args:
        source: The queue.
        functions: The functions, each of which handles one batch at a time.
        observe: Called after each invocation, in its thread.
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
        try:
            self._pollers = [self._pool.submit(self._poll, function) for function in self._functions]
        except BaseException as error:  # Ctrl-C: no thread may stay, since the interpreter would wait for it
            self.__exit__(type(error), error, error.__traceback__)
            raise
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
        """Raise the exception that ended a polling thread, if any."""
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
        """Delete successful messages. A failed deletion leads to a redelivery, which is harmless."""
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
