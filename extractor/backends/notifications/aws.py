"""Send notifications to SNS, SQS or EventBridge."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from extractor.backends.aws import ClientBuilder, mapping_settings_errors, with_credentials
from extractor.backends.notifications import TargetKind
from extractor.domain.events import VideoEvent
from extractor.errors import AccessDeniedError, NotificationFailedError

_ATTEMPTS = 2
_SOURCE = "frame-extractor"  # of events in EventBridge: what rules match


class AwsNotifier:
    """Sends events to a topic, queue or bus.

    Args:
        kind: What the target is.
        target: Its ARN; or the URL of a queue.
        build: Builds the client.

    Raises:
        SettingsError: A setting of AWS is wrong.
    """

    def __init__(self, kind: TargetKind, target: str, build: ClientBuilder) -> None:
        config = Config(
            region_name=target.split(":")[3] if target.startswith("arn:") else None,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            connect_timeout=3,
            read_timeout=5,
            max_pool_connections=16,
        )
        sends: Mapping[str, Callable[[Any, str, VideoEvent], None]] = {
            "sns": _publish,
            "sqs": _send_message,
            "events": _put_event,
        }
        with mapping_settings_errors():
            self._client = build(kind, config)
        self._send = sends[kind]
        self._target = _queue_url(target, self._client) if kind == "sqs" else target

    def send(self, event: VideoEvent) -> None:
        try:
            with with_credentials("send a notification"):
                self._send(self._client, self._target, event)
        except (BotoCoreError, ClientError, AccessDeniedError) as error:
            raise NotificationFailedError(
                f"NOTIFY_TARGET: the notification was not accepted ({_cause(error)})"
            ) from error


def _publish(client: Any, topic: str, event: VideoEvent) -> None:
    client.publish(
        TopicArn=topic,
        Message=event.to_json(),
        MessageAttributes={"type": {"DataType": "String", "StringValue": event.type}},
    )


def _send_message(client: Any, queue_url: str, event: VideoEvent) -> None:
    client.send_message(
        QueueUrl=queue_url,
        MessageBody=event.to_json(),
        MessageAttributes={"type": {"DataType": "String", "StringValue": event.type}},
    )


def _put_event(client: Any, bus: str, event: VideoEvent) -> None:
    """Put the event. EventBridge answers 200 even if it rejects the event."""
    entry = {
        "EventBusName": bus,
        "Source": _SOURCE,
        "DetailType": event.type,
        "Resources": [],
        "Detail": event.to_json(),
    }
    answer = client.put_events(Entries=[entry])
    entries = answer.get("Entries") or [{}]
    if answer.get("FailedEntryCount") or not entries[0].get("EventId"):
        raise NotificationFailedError(
            "NOTIFY_TARGET: EventBridge did not accept the notification "
            f"({entries[0].get('ErrorCode', 'empty answer')})"
        )


def _queue_url(target: str, client: Any) -> str:
    """Return the URL of the queue; that of an ARN is on the endpoint of the client."""
    if not target.startswith("arn:"):
        return target
    *_, account, name = target.split(":")
    return f"{client.meta.endpoint_url.rstrip('/')}/{account}/{name}"


def _cause(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "")) or type(error).__name__
    return str(error) if isinstance(error, AccessDeniedError) else type(error).__name__
