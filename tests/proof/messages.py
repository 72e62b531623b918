"""A queue in virtual time: what is received hides for a while and comes again unless it is deleted, and now
and then two have the same message at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from extractor.backends.queues.base import OutgoingMessage, SendFailure
from tests.proof.scheduler import Scheduler

_VISIBILITY_SECONDS = 720.0
_TWICE_CHANCE = 0.1  # that a message is given out while somebody has it


@dataclass(slots=True, eq=False)
class SimulatedMessage:
    body: str
    visible_at: float = 0.0
    receive_count: int = 0


@dataclass(slots=True)
class SimulatedQueue:
    """`deliveries`: how often anybody was given a message."""

    scheduler: Scheduler
    messages: list[SimulatedMessage] = field(default_factory=list)
    deliveries: int = 0

    def send(self, body: str) -> None:
        self.messages.append(SimulatedMessage(body))

    def receive(self) -> SimulatedMessage | None:
        """Any of those that can be seen; `None` if there is none."""
        dice = self.scheduler.random
        visible = [message for message in self.messages if message.visible_at <= self.scheduler.now]
        if not visible:
            return None
        message = dice.choice(visible)
        message.receive_count += 1
        self.deliveries += 1
        if dice.random() >= _TWICE_CHANCE:
            message.visible_at = self.scheduler.now + _VISIBILITY_SECONDS
        self.scheduler.trace.append(
            f"{self.scheduler.now:8.1f} {self.scheduler.current.name} receives {message.body}"
            f" for the {message.receive_count}. time"
        )
        return message

    def delete(self, message: SimulatedMessage) -> None:
        """One that is gone already is no error."""
        if message in self.messages:
            self.messages.remove(message)


@dataclass(frozen=True, slots=True)
class SentToJobs:
    """The same queue as the worker sends to it: a `JobQueue`."""

    queue: SimulatedQueue

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        for message in messages:
            self.queue.send(message.body)
        return []
