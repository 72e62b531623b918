"""Where notifications about videos are sent: the kinds of targets, and what a sender does.

The senders are in `aws` and `webhook`; a process loads only the one that its target needs.
"""

import re
from typing import Literal, Protocol

from extractor.domain.events import VideoEvent

TargetKind = Literal["sns", "sqs", "events", "webhook"]

_ARN = re.compile(
    r"arn:[a-z-]+:(?:(sns|sqs):[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+"
    r"|(events):[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9._/-]+)"
)
_QUEUE_URL = re.compile(r"https?://[^\s/@?#]+/[0-9]{12}/[A-Za-z0-9_-]+")
_WEBHOOK = re.compile(
    r"(?:https://(?!sqs\.)[^\s/@?#]+|http://(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]+)?)(?:/[^\s#]*)?"
)


class Notifier(Protocol):
    """Sends events to one target. Thread-safe."""

    def send(self, event: VideoEvent) -> None:
        """Send the event; return after the target has confirmed it.

        Raises:
            NotificationFailedError: The target has not confirmed it, for whatever reason.
            SettingsError: The client cannot be built.
        """


def target_kind(target: str) -> TargetKind:
    """Return what receives notifications at `target`.

    Args:
        target: ARN of an SNS topic, an SQS queue or an EventBridge bus, the URL of an SQS queue, or an https
            address. An http address is allowed on this machine only, for tests.

    Raises:
        ValueError: It is none of these.
    """
    if match := _ARN.fullmatch(target):
        kinds: dict[str, TargetKind] = {"sns": "sns", "sqs": "sqs", "events": "events"}
        return kinds[match[1] or match[2]]
    if _QUEUE_URL.fullmatch(target):
        return "sqs"
    if _WEBHOOK.fullmatch(target):
        return "webhook"
    raise ValueError(
        "must be the ARN of an SNS topic, an SQS queue or an EventBridge bus, the URL of an SQS queue, or an "
        "https address; FIFO topics and queues cannot be used"
    )
