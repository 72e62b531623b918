"""SQS as a `DeadLetterQueue`: messages are received, and deleted only on request."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from extractor.backends.queues.base import DeadLetter
from extractor.backends.queues.sqs.client import mapping_errors
from extractor.errors import QueueUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_BATCH = 10  # the most that one call of SQS takes or returns
_HIDDEN_SECONDS = 1_800  # visibility timeout of received messages
_WAIT_SECONDS = 1  # long polling queries all servers of SQS, so an empty response means an empty queue


class SqsDeadLetterQueue:
    """One SQS queue as an `extractor.backends.queues.base.DeadLetterQueue`.

    Args:
        client: The SQS client.
        queue_url: The URL of the dead-letter queue.
    """

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def receive(self) -> Sequence[DeadLetter]:
        with mapping_errors("read from the dead-letter queue"):
            answer = self._client.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=_BATCH,
                VisibilityTimeout=_HIDDEN_SECONDS,
                WaitTimeSeconds=_WAIT_SECONDS,
                MessageAttributeNames=["reason"],
            )
        return [_dead_letter(message) for message in answer.get("Messages", [])]

    def delete(self, messages: Sequence[DeadLetter]) -> None:
        for batch in _batches(messages):
            with mapping_errors("delete from the dead-letter queue"):
                answer = self._client.delete_message_batch(
                    QueueUrl=self._queue_url,
                    Entries=[
                        {"Id": str(n), "ReceiptHandle": message.receipt} for n, message in enumerate(batch)
                    ],
                )
            if failed := answer.get("Failed"):
                raise QueueUnavailableError(f"SQS did not delete {len(failed)} of {len(batch)} dead letters")

    def release(self, messages: Sequence[DeadLetter]) -> None:
        for batch in _batches(messages):
            with mapping_errors("give back to the dead-letter queue"):
                self._client.change_message_visibility_batch(
                    QueueUrl=self._queue_url,
                    Entries=[
                        {"Id": str(n), "ReceiptHandle": message.receipt, "VisibilityTimeout": 0}
                        for n, message in enumerate(batch)
                    ],
                )


def _dead_letter(message: "MessageTypeDef") -> DeadLetter:
    reason = message.get("MessageAttributes", {}).get("reason")
    text = reason.get("StringValue") if reason else None
    return DeadLetter(message["MessageId"], message["Body"], text, message["ReceiptHandle"])


def _batches(messages: Sequence[DeadLetter]) -> Iterator[Sequence[DeadLetter]]:
    for start in range(0, len(messages), _BATCH):
        yield messages[start : start + _BATCH]
