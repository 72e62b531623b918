"""Reset rows and queue their videos again, with messages that identify the source."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from extractor.backends.queues.base import JobQueue, OutgoingMessage
from extractor.backends.state.base import Backlog, RowReader, StateStore
from extractor.domain import keys
from extractor.domain.messages import VideoMessage, encode_message
from extractor.reconcile.scan import ScanScope
from extractor.reconcile.snapshot import Snapshot

_BATCH = 10  # limit of SQS per call


class RequeueTable(StateStore, Backlog, RowReader, Protocol):
    """The parts of a state table that repairs use."""


class _Source(NamedTuple):
    platform: str | None
    bucket: str | None
    key: str | None


def requeue(
    codes: Sequence[str], table: RequeueTable, queue: JobQueue, messages: Sequence[str | None], now: datetime
) -> int:
    """Reset rows and send messages.

    Rows are reset first: a message that a worker handles before the reset would find an extracted video and
    be ignored.

    Args:
        codes: The codes of the videos.
        table: The state table.
        queue: The job queue.
        messages: The message per code; ``None`` if the message cannot be built.
        now: The current time.

    Returns:
        The number of queued videos. The rows of the others are pending.
    """
    queued = 0
    for start in range(0, len(codes), _BATCH):
        batch = codes[start : start + _BATCH]
        table.reset(batch)
        sendable = [
            (code, text)
            for code, text in zip(batch, messages[start : start + _BATCH], strict=True)
            if text is not None
        ]
        if not sendable:
            continue
        failures = queue.send([OutgoingMessage(text) for _, text in sendable])
        refused = {failure.position for failure in failures}
        sent = [code for place, (code, _) in enumerate(sendable) if place not in refused]
        table.mark_enqueued(sent, now)
        queued += len(sent)
    return queued


def message_for(code: str, scope: ScanScope, snapshot: Snapshot) -> str | None:
    """Return the message for a video, with bucket and key if the worker would not find it by its code.

    Returns ``None`` if a message cannot express that.
    """
    source = next(_sources(code, scope, snapshot), _Source(None, None, None))
    usual = source.bucket == scope.videos_bucket and source.key in list(
        keys.video_keys(scope.video_keys, code, source.platform)
    )
    fields = {"code": code, "platform": source.platform}
    if not usual and source.key:
        fields |= {"bucket": source.bucket, "key": source.key}
    try:
        return encode_message(VideoMessage.model_validate(fields))
    except ValueError:
        return None


def _sources(code: str, scope: ScanScope, snapshot: Snapshot) -> Iterator[_Source]:
    """Yield possible sources: existing videos, those of manifests, then platforms only."""
    folders = [item.folder for item in snapshot.observation(code)]
    for video in snapshot.videos(code, scope.videos_bucket):
        yield _Source(video.platform, video.bucket, video.key)
    for folder in folders:
        if folder.source_bucket is not None:
            yield _Source(folder.platform, folder.source_bucket, folder.source_key)
    for folder in folders:
        yield _Source(folder.platform, None, None)
