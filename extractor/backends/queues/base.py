"""Interfaces to message queues: sending jobs, sampling queue depth, and reading a dead-letter queue."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

BACKLOG_GROUP = "backlog"
"""The message group of a backlog. In a fair queue, messages of other groups or of none overtake it."""


class OutgoingMessage(Struct, frozen=True):
    """A message to send.

    Attributes:
        body: The JSON body.
        attributes: String attributes by name.
    """

    body: str
    attributes: Mapping[str, str] = msgspec.field(default_factory=dict)


class SendFailure(Struct, frozen=True):
    """One message that the queue rejected.

    Attributes:
        position: Its index in the sequence that was sent.
        code: The error code of the queue.
        sender_fault: Whether the message itself is invalid, so that sending it again cannot help.
    """

    position: int
    code: str
    sender_fault: bool


class JobQueue(Protocol):
    """A queue that accepts messages."""

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        """Send up to ten messages of any total size.

        Args:
            messages: The messages.

        Returns:
            The messages that the queue rejected.

        Raises:
            QueueUnavailableError: The call failed; any of the messages may have been queued.
            AccessDeniedError: The credentials do not allow it.
            SettingsError: The queue does not exist.
        """
        ...


class QueueDepth(Struct, frozen=True):
    """Approximate numbers of messages in a queue.

    Attributes:
        waiting: Messages that can be received.
        in_flight: Messages that were received and are neither deleted nor visible again.
        delayed: Messages whose delay has not ended.
        dead_letters: Messages in the dead-letter queue; ``None`` if there is no such queue, or if its depth
            may not be read.
    """

    waiting: int
    in_flight: int
    delayed: int
    dead_letters: int | None

    @property
    def total(self) -> int:
        """Messages in the queue, without its dead-letter queue."""
        return self.waiting + self.in_flight + self.delayed


class ObservableQueue(JobQueue, Protocol):
    """A queue whose depth can be read."""

    def depth(self) -> QueueDepth:
        """Return the approximate depth.

        Raises:
            QueueUnavailableError: The queue cannot be reached.
            AccessDeniedError: The credentials do not allow it.
        """
        ...


class DeadLetter(Struct, frozen=True):
    """A message from the dead-letter queue, unchanged.

    Attributes:
        message_id: The queue's identifier of the message.
        body: The body as it was sent.
        reason: The reason code that the worker attached; ``None`` if the queue itself moved the message.
        receipt: The receipt handle, for `delete` and `release`.
    """

    message_id: str
    body: str
    reason: str | None
    receipt: str


class DeadLetterQueue(Protocol):
    """A dead-letter queue that can be read.

    Every method may raise `QueueUnavailableError` or `AccessDeniedError`.
    """

    def receive(self) -> Sequence[DeadLetter]:
        """Receive up to ten messages; an empty result means that the queue is drained.

        The messages are hidden from other consumers for the visibility timeout.
        """
        ...

    def delete(self, messages: Sequence[DeadLetter]) -> None:
        """Delete received messages permanently."""
        ...

    def release(self, messages: Sequence[DeadLetter]) -> None:
        """Make received messages visible again at once, instead of after the visibility timeout."""
        ...
