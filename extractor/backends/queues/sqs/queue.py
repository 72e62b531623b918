"""SQS as an `ObservableQueue`.

SQS answers 200 even if it rejects every message, so only messages that it confirms count as sent.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from msgspec.structs import replace

from extractor.backends.queues.base import OutgoingMessage, QueueDepth, SendFailure
from extractor.backends.queues.batches import BATCH_BYTES, size_bytes
from extractor.backends.queues.sqs.client import mapping_errors
from extractor.errors import AccessDeniedError, QueueUnavailableError, SettingsError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeFilterType, QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef, SendMessageBatchRequestEntryTypeDef

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
_WAITING: "QueueAttributeNameType" = "ApproximateNumberOfMessages"
_IN_FLIGHT: "QueueAttributeNameType" = "ApproximateNumberOfMessagesNotVisible"
_DELAYED: "QueueAttributeNameType" = "ApproximateNumberOfMessagesDelayed"
_REDRIVE: "QueueAttributeNameType" = "RedrivePolicy"


class SqsQueue:
    """One SQS queue as an `extractor.backends.queues.base.ObservableQueue`. Thread-safe.

    Args:
        client: The SQS client.
        queue_url: The URL of the queue.
        group: The message group of everything that is sent; empty for none.
    """

    def __init__(self, client: "SQSClient", queue_url: str, group: str = "") -> None:
        self._client = client
        self._queue_url = queue_url
        self._group = group

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        failures: list[SendFailure] = []
        for start, batch in _batches(messages, len(self._group)):
            try:
                refused = self._send_batch(batch)
            except TransientError as error:
                if start == 0:
                    raise
                refused = [SendFailure(n, error.reason, sender_fault=False) for n in range(len(batch))]
            failures += [replace(failure, position=start + failure.position) for failure in refused]
        return failures

    def _send_batch(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        entries = [_entry(position, message, self._group) for position, message in enumerate(messages)]
        with mapping_errors("send to the queue"), _explaining_groups():
            answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        if not (answer.get("Successful") or answer.get("Failed")):
            # The response was cut off: botocore parses an empty body as a response without fields.
            raise QueueUnavailableError("cannot send to the queue (empty answer): try again later")
        for entry in answer.get("Failed", ()):
            _check_group(entry.get("Message", ""))
        confirmed = {int(entry["Id"]) for entry in answer.get("Successful", ())}
        refused = {
            int(entry["Id"]): SendFailure(int(entry["Id"]), entry["Code"], entry["SenderFault"])
            for entry in answer.get("Failed", ())
        }
        return [
            refused.get(position, SendFailure(position, "Unconfirmed", sender_fault=False))
            for position in range(len(messages))
            if position not in confirmed
        ]

    def depth(self) -> QueueDepth:
        found = self._attributes(self._queue_url, (_WAITING, _IN_FLIGHT, _DELAYED, _REDRIVE))
        return QueueDepth(
            int(found[_WAITING]),
            int(found[_IN_FLIGHT]),
            int(found[_DELAYED]),
            self._dead_letters(json.loads(found[_REDRIVE])) if _REDRIVE in found else None,
        )

    def _dead_letters(self, redrive: Mapping[str, str]) -> int | None:
        """Return the depth of the dead-letter queue; ``None`` if its owner denies access."""
        *_, account, name = redrive["deadLetterTargetArn"].split(":")
        try:
            with mapping_errors("read the queue"):
                answer = self._client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
            return int(self._attributes(answer["QueueUrl"], (_WAITING,))[_WAITING])
        except AccessDeniedError:
            return None

    def _attributes(
        self, queue_url: str, names: "Sequence[QueueAttributeFilterType]"
    ) -> "Mapping[QueueAttributeNameType, str]":
        with mapping_errors("read the queue"):
            return self._client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]


@contextmanager
def _explaining_groups() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        _check_group(error.response.get("Error", {}).get("Message", ""))
        raise


def _check_group(refusal: str) -> None:
    """Raise `SettingsError` if the text of a refusal says that the queue takes no message group."""
    if "MessageGroupId" in refusal:
        raise SettingsError(
            "SQS_QUEUE_URL: the queue refuses the message group; SQS takes one, but older servers that are "
            "compatible with it do not; --message-group '' sends without one"
        )


def _batches(
    messages: Sequence[OutgoingMessage], group_bytes: int
) -> Iterator[tuple[int, Sequence[OutgoingMessage]]]:
    """Yield batches within SQS's limit of bytes, each with the position of its first message."""
    start = size = 0
    for position, message in enumerate(messages):
        added = size_bytes(message) + group_bytes
        if position > start and size + added > BATCH_BYTES:
            yield start, messages[start:position]
            start, size = position, 0
        size += added
    yield start, messages[start:]


def _entry(position: int, message: OutgoingMessage, group: str) -> "SendMessageBatchRequestEntryTypeDef":
    entry: SendMessageBatchRequestEntryTypeDef = {
        "Id": str(position),
        "MessageBody": message.body,
        "MessageAttributes": _attributes(message.attributes),
    }
    if group:
        entry["MessageGroupId"] = group
    return entry


def _attributes(texts: Mapping[str, str]) -> "dict[str, MessageAttributeValueTypeDef]":
    """Return message attributes. SQS rejects control characters, which the detail of an error may contain."""
    return {
        name: {"DataType": "String", "StringValue": _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)}
        for name, text in texts.items()
    }
