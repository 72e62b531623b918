"""Send dead letters back to the queue unchanged.

A dead letter is deleted only after the queue has confirmed its copy. An interruption in between sends it
twice,
which is harmless.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from extractor.backends.queues.base import DeadLetter, DeadLetterQueue, JobQueue, OutgoingMessage
from extractor.backends.queues.batches import batches

UNKNOWN = "UNKNOWN"
"""The reason of a dead letter without one: the queue moved it after too many deliveries."""


def replay(
    letters: DeadLetterQueue, queue: JobQueue | None, reasons: Collection[str], tally: "Counter[str]"
) -> None:
    """Send dead letters back.

    Args:
        letters: The dead-letter queue.
        queue: The job queue; ``None`` only counts the dead letters.
        reasons: Only dead letters with one of these reasons; empty for all.
        tally: Counts dead letters by what was done and by reason; accurate whatever ends the call.
    """
    seen = set[str]()
    held: dict[str, DeadLetter] = {}
    try:
        while fresh := [letter for letter in letters.receive() if letter.message_id not in seen]:
            seen.update(letter.message_id for letter in fresh)
            held.update((letter.message_id, letter) for letter in fresh)
            wanted = [letter for letter in fresh if not reasons or _reason(letter) in reasons]
            tally.update(f"not asked for: {_reason(letter)}" for letter in fresh if letter not in wanted)
            if queue is None:
                tally.update(f"would be sent: {_reason(letter)}" for letter in wanted)
            else:
                for sent in _send(wanted, queue, tally):
                    letters.delete(sent)
                    for letter in sent:
                        del held[letter.message_id]
    finally:
        letters.release(list(held.values()))


def _send(wanted: Sequence[DeadLetter], queue: JobQueue, tally: "Counter[str]") -> Iterator[list[DeadLetter]]:
    """Send the dead letters in batches; yield those that the queue accepted after each call."""
    messages = [OutgoingMessage(letter.body) for letter in wanted]
    for places in batches(messages):
        failures = queue.send([messages[place] for place in places])
        refused = {places[failure.position] for failure in failures}
        sent = [wanted[place] for place in places if place not in refused]
        tally.update(f"sent: {_reason(letter)}" for letter in sent)
        tally.update(f"refused by the queue: {_reason(wanted[place])}" for place in refused)
        yield sent


def _reason(letter: DeadLetter) -> str:
    return letter.reason or UNKNOWN
