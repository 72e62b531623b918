"""Queue extracted videos once more, so that the worker announces them again.

Rows and frames stay as they are: a worker that finds a video extracted does nothing but announce it.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from extractor.backends.queues.base import JobQueue, OutgoingMessage
from extractor.reconcile.requeue import message_for
from extractor.reconcile.scan import ScanScope
from extractor.reconcile.snapshot import Snapshot

_BATCH = 10  # limit of SQS per call


def announce(
    scope: ScanScope,
    snapshot: Snapshot,
    queue: JobQueue | None,
    codes: Collection[str],
    tally: "Counter[str]",
) -> None:
    """Send a message for each extracted video.

    Args:
        scope: What was scanned.
        snapshot: What was found.
        queue: The job queue; ``None`` only counts the videos.
        codes: Only videos with one of these codes; empty for all.
        tally: Counts videos by what was done; accurate whatever ends the call.
    """
    messages = _messages(scope, snapshot, codes, tally)
    while batch := list(islice(messages, _BATCH)):
        _send(batch, queue, tally)
    if missing := set(codes).difference(row.code for row in snapshot.rows() if row.is_extracted):
        tally["not extracted"] = len(missing)


def _messages(
    scope: ScanScope, snapshot: Snapshot, codes: Collection[str], tally: "Counter[str]"
) -> Iterator[OutgoingMessage]:
    for row in snapshot.rows():
        if row.is_extracted and (not codes or row.code in codes):
            if (text := message_for(row.code, scope, snapshot)) is None:
                tally["cannot be named in a message"] += 1
            else:
                yield OutgoingMessage(text)


def _send(batch: Sequence[OutgoingMessage], queue: JobQueue | None, tally: "Counter[str]") -> None:
    if queue is None:
        tally["would be announced"] += len(batch)
        return
    refused = len(queue.send(batch))
    tally["queued"] += len(batch) - refused
    if refused:
        tally["refused by the queue"] += refused
