"""SQS as `DeadLetterQueue`: what lies in a queue is looked at, and goes only when it is told to."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from extractor.backends.queues.base import DeadLetter
from extractor.backends.queues.sqs.client import mapping_errors
from extractor.errors import QueueUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_BATCH = 10  # what SQS takes and gives at once
_HIDDEN_SECONDS = 1_800  # for so long nobody else is given what was received
_WAIT_SECONDS = 1  # more than 0: SQS then asks all of its servers, so that an empty answer is one


class SqsDeadLetterQueue:
    """One queue; see `extractor.backends.queues.base.DeadLetterQueue`."""

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
        return [_letter(message) for message in answer.get("Messages", [])]

    def delete(self, letters: Sequence[DeadLetter]) -> None:
        for batch in _batches(letters):
            with mapping_errors("delete from the dead-letter queue"):
                answer = self._client.delete_message_batch(
                    QueueUrl=self._queue_url,
                    Entries=[{"Id": str(n), "ReceiptHandle": one.receipt} for n, one in enumerate(batch)],
                )
            if failed := answer.get("Failed"):
                raise QueueUnavailableError(f"SQS did not delete {len(failed)} of {len(batch)} dead letters")

    def release(self, letters: Sequence[DeadLetter]) -> None:
        for batch in _batches(letters):
            with mapping_errors("give back to the dead-letter queue"):
                self._client.change_message_visibility_batch(
                    QueueUrl=self._queue_url,
                    Entries=[
                        {"Id": str(n), "ReceiptHandle": one.receipt, "VisibilityTimeout": 0}
                        for n, one in enumerate(batch)
                    ],
                )


def _letter(message: "MessageTypeDef") -> DeadLetter:
    reason = message.get("MessageAttributes", {}).get("reason")
    text = reason.get("StringValue") if reason else None
    return DeadLetter(message["MessageId"], message["Body"], text, message["ReceiptHandle"])


def _batches(letters: Sequence[DeadLetter]) -> Iterator[Sequence[DeadLetter]]:
    for start in range(0, len(letters), _BATCH):
        yield letters[start : start + _BATCH]
