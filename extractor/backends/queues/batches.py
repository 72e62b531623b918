"""Split messages into batches within the limits of one call: number and bytes. Pure: no I/O."""

from collections.abc import Iterator, Sequence

from extractor.backends.queues.base import OutgoingMessage

BATCH_MESSAGES = 10
BATCH_BYTES = 256 * 1024
"""Total size of one batch. SQS has accepted more since 2025; some regions and emulators have not."""


def batches(messages: Sequence[OutgoingMessage]) -> Iterator[range]:
    """Yield the index range of each batch, in order.

    A message that exceeds the limit by itself forms its own batch, and the queue rejects it with a reason.
    """
    start = size = 0
    for position, message in enumerate(messages):
        added = size_bytes(message)
        if position > start and (position - start >= BATCH_MESSAGES or size + added > BATCH_BYTES):
            yield range(start, position)
            start, size = position, 0
        size += added
    if messages:
        yield range(start, len(messages))


def size_bytes(message: OutgoingMessage) -> int:
    """Return the size as SQS counts it: the body, and the names, types and values of the attributes."""
    texts = [message.body, *(f"{name}String{text}" for name, text in message.attributes.items())]
    return sum(len(text.encode(errors="surrogatepass")) for text in texts)
