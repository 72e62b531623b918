"""Send the slices of long videos to the queue of the jobs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from extractor.backends.queues.base import JobQueue, OutgoingMessage
from extractor.backends.queues.batches import batches
from extractor.errors import QueueUnavailableError


class SliceQueue(Struct, frozen=True):
    """Where slices of long videos are sent.

    Attributes:
        queue: The queue of the jobs.
        seconds: How long the decode of a slice may take, as estimated.
    """

    queue: JobQueue
    seconds: float

    def send(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Send messages.

        Raises:
            QueueUnavailableError: The queue has not confirmed all of them.
        """
        outgoing = [OutgoingMessage(json.dumps(message)) for message in messages]
        for batch in batches(outgoing):
            if refused := self.queue.send(outgoing[batch.start : batch.stop]):
                raise QueueUnavailableError(f"the queue refused a slice: {refused[0].code}")
