"""Messages cut into batches that a queue takes in one call: by number, and by bytes. Pure."""

from collections.abc import Iterator, Sequence

from extractor.backends.queues.base import OutgoingMessage

BATCH_MESSAGES = 10
BATCH_BYTES = 256 * 1024
"""All bodies and attributes of a batch together; older regions and emulators take no more."""


def batches(messages: Sequence[OutgoingMessage]) -> Iterator[range]:
    """The places of the messages of each batch, in order. One that is too large by itself is alone: the queue
    says what is wrong with it."""
    start = size = 0
    for place, message in enumerate(messages):
        more = size_bytes(message)
        if place > start and (place - start >= BATCH_MESSAGES or size + more > BATCH_BYTES):
            yield range(start, place)
            start, size = place, 0
        size += more
    if messages:
        yield range(start, len(messages))


def size_bytes(message: OutgoingMessage) -> int:
    """As a queue counts it: with the names, types and values of the attributes."""
    attributes = (len(f"{name}String{text}".encode()) for name, text in message.attributes.items())
    return len(message.body.encode(errors="surrogatepass")) + sum(attributes)
