"""Build Lambda events from SQS messages and interpret the handler's response. Pure: no I/O."""

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageAttributeValueOutputTypeDef, MessageTypeDef


def build_event(messages: "Sequence[MessageTypeDef]", queue_arn: str) -> dict[str, Any]:
    """Return the event for messages that were received with all their attributes."""
    return {"Records": [_record(message, queue_arn) for message in messages]}


def failed_ids(message_ids: Sequence[str], response: object) -> frozenset[str]:
    """Return the IDs of the messages that return to the queue after this response.

    None for an empty response or an empty list; all for an invalid response, or one with an ID that is not in
    the batch: messages are deleted only if their success is certain.
    """
    everything = frozenset(message_ids)
    match response:
        case None:
            return frozenset()
        case {"batchItemFailures": [*items]}:
            named = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in items]
            known = [name for name in named if isinstance(name, str) and name in everything]
            return frozenset(known) if len(known) == len(items) else everything
        case {"batchItemFailures": unknown} if unknown is not None:
            return everything
        case {}:
            return frozenset()
        case _:
            return everything


def _record(message: "MessageTypeDef", queue_arn: str) -> dict[str, Any]:
    attributes = message.get("MessageAttributes", {})
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message["Attributes"]),
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if digest := message.get("MD5OfMessageAttributes"):
        record["md5OfMessageAttributes"] = digest
    return record


def _attribute(value: "MessageAttributeValueOutputTypeDef") -> Mapping[str, Any]:
    """Convert an attribute: camelCase names, binary as Base64, and the two lists that Lambda always adds."""
    content: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        content["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        content["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return content
