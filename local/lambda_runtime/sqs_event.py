"""Build Lambda events from SQS messages and interpret the handler's response. Pure: no I/O."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from extractor.backends.queues.sqs.records import to_record

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef


def build_event(messages: "Sequence[MessageTypeDef]", queue_arn: str) -> dict[str, Any]:
    """Return the event for messages that were received with all their attributes."""
    return {"Records": [to_record(message, queue_arn) for message in messages]}


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
