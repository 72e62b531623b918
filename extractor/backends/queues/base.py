"""Where messages wait: a queue that is filled, watched or, with what could not be handled, read."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct


class OutgoingMessage(Struct, frozen=True):
    """A message for a queue: a JSON body and string attributes."""

    body: str
    attributes: Mapping[str, str] = msgspec.field(default_factory=dict)


class SendFailure(Struct, frozen=True):
    """One entry that the queue refused. ``position`` is its place in the sequence sent."""

    position: int
    code: str
    sender_fault: bool


class JobQueue(Protocol):
    """A queue of messages."""

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        """Send at most ten messages in one call, of any size together; returns those that the queue refused.

        Raises `QueueUnavailableError` or `AccessDeniedError` if the call as a whole failed; then
        any of them may have been queued or not. Raises `SettingsError` if there is no such queue.
        """
        ...


class QueueDepth(Struct, frozen=True):
    """How many messages lie in a queue, as far as it knows: those that wait, those that somebody works on
    (or that wait for their next delivery), those that are delayed, and the letters in its dead-letter queue;
    `None` if it has none, or that may not be read."""

    waiting: int
    in_flight: int
    delayed: int
    dead_letters: int | None

    @property
    def total(self) -> int:
        """Without the dead letters."""
        return self.waiting + self.in_flight + self.delayed


class ObservableQueue(JobQueue, Protocol):
    """A queue whose emptying can be watched."""

    def depth(self) -> QueueDepth:
        """Raises `QueueUnavailableError` or `AccessDeniedError`."""
        ...


class DeadLetter(Struct, frozen=True):
    """A message that could not be handled, as it was sent. `reason` is the code that was given when it was
    put aside, ``None`` if the queue itself did that. `receipt` is what the queue wants to hear of it by."""

    message_id: str
    body: str
    reason: str | None
    receipt: str


class DeadLetterQueue(Protocol):
    """A queue that is read. Every method may raise `QueueUnavailableError` or `AccessDeniedError`."""

    def receive(self) -> Sequence[DeadLetter]:
        """Up to ten letters, which nobody else is given for a while; none if no more are to be had."""
        ...

    def delete(self, letters: Sequence[DeadLetter]) -> None:
        """Remove the letters for good."""
        ...

    def release(self, letters: Sequence[DeadLetter]) -> None:
        """Let others have the letters at once. If that fails, they may have them a while later."""
        ...
