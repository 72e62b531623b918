"""Send dead letters back to the queue unchanged.

A dead letter is deleted only after the queue has confirmed its copy. An interruption in between sends it
twice, which is harmless.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from extractor.backends.queues.base import DeadLetter, DeadLetterQueue, JobQueue, OutgoingMessage
from extractor.backends.queues.batches import batches

UNKNOWN = "UNKNOWN"
"""The reason of a dead letter without one: the queue moved it after too many deliveries."""


def replay(
    source: DeadLetterQueue, queue: JobQueue | None, reasons: Collection[str], tally: "Counter[str]"
) -> None:
    """Send dead letters back.

    Args:
        source: The dead-letter queue.
        queue: The job queue; ``None`` only counts the dead letters.
        reasons: Only dead letters with one of these reasons; empty for all.
        tally: Counts dead letters by what was done and by reason; accurate whatever ends the call.
    """
    seen = set[str]()
    held: dict[str, DeadLetter] = {}
    try:
        while fresh := [message for message in source.receive() if message.message_id not in seen]:
            seen.update(message.message_id for message in fresh)
            held.update((message.message_id, message) for message in fresh)
            wanted = [message for message in fresh if not reasons or _reason(message) in reasons]
            tally.update(f"not asked for: {_reason(message)}" for message in fresh if message not in wanted)
            if queue is None:
                tally.update(f"would be sent: {_reason(message)}" for message in wanted)
            else:
                for sent in _send(wanted, queue, tally):
                    source.delete(sent)
                    for message in sent:
                        del held[message.message_id]
    finally:
        source.release(list(held.values()))


def _send(wanted: Sequence[DeadLetter], queue: JobQueue, tally: "Counter[str]") -> Iterator[list[DeadLetter]]:
    """Send the dead letters in batches; yield those that the queue accepted after each call."""
    messages = [OutgoingMessage(message.body) for message in wanted]
    for positions in batches(messages):
        failures = queue.send([messages[position] for position in positions])
        refused = {positions[failure.position] for failure in failures}
        sent = [wanted[position] for position in positions if position not in refused]
        tally.update(f"sent: {_reason(message)}" for message in sent)
        tally.update(f"refused by the queue: {_reason(wanted[position])}" for position in refused)
        yield sent


def _reason(dead_letter: DeadLetter) -> str:
    return dead_letter.reason or UNKNOWN
