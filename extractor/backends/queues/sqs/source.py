"""SQS as a source of records: what Lambda's event source does, for workers outside of Lambda."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from extractor.backends.aws import ClientBuilder
from extractor.backends.queues.sqs.client import build_sqs_client, mapping_errors
from extractor.backends.queues.sqs.records import to_record

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LONGEST_WAIT_SECONDS = 20
"""The longest that one call of SQS waits for a message."""

_ATTEMPTS = 4

Record = Mapping[str, Any]
"""A record as in an event of Lambda."""


def build_source_client(clients: ClientBuilder) -> "SQSClient":
    """Build a client whose calls may wait for messages."""
    return build_sqs_client(_ATTEMPTS, clients, wait_seconds=LONGEST_WAIT_SECONDS)


class QueueFacts(Struct, frozen=True):
    """What a worker needs to know of its queue.

    Attributes:
        arn: Its ARN.
        visibility_seconds: Its own visibility timeout, after which a message that failed is tried again.
    """

    arn: str
    visibility_seconds: int


class SqsSource:
    """One SQS queue whose messages are received and settled. Thread-safe.

    Every method raises `AccessDeniedError`, `QueueUnavailableError`, or `SettingsError` if there is no queue.

    Args:
        client: The SQS client.
        queue_url: The URL of the queue.
    """

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def facts(self) -> QueueFacts:
        """Read the attributes of the queue."""
        with mapping_errors("read the queue"):
            found = self._client.get_queue_attributes(
                QueueUrl=self._queue_url, AttributeNames=["QueueArn", "VisibilityTimeout"]
            )["Attributes"]
        return QueueFacts(found["QueueArn"], int(found["VisibilityTimeout"]))

    def receive(self, queue_arn: str, visibility_seconds: int, wait_seconds: int) -> Record | None:
        """Receive a message; wait for one if there is none.

        Args:
            queue_arn: The ARN of the queue.
            visibility_seconds: How long the message is hidden from others.
            wait_seconds: How long to wait, at most `LONGEST_WAIT_SECONDS`.
        """
        with mapping_errors("receive from the queue"):
            answer = self._client.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=1,
                VisibilityTimeout=visibility_seconds,
                WaitTimeSeconds=wait_seconds,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        return next((to_record(message, queue_arn) for message in answer.get("Messages", ())), None)

    def hide(self, record: Record, seconds: int) -> None:
        """Hide a received message from others for so long from now on; 0 gives it back at once."""
        with mapping_errors("change the visibility of a message"):
            self._client.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=seconds
            )

    def delete(self, record: Record) -> None:
        """Delete a received message."""
        with mapping_errors("delete a message"):
            self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=record["receiptHandle"])
