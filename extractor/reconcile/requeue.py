"""Videos from the start: their rows reset, then their messages sent, each with what finds its video again."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from extractor.backends.queues.base import JobQueue, OutgoingMessage
from extractor.backends.state.base import Backlog, RowReader, StateStore
from extractor.domain import keys
from extractor.domain.messages import VideoMessage, encode_message
from extractor.reconcile.scan import ScanScope
from extractor.reconcile.snapshot import Snapshot

_BATCH = 10  # what a queue takes at once


class RequeueTable(StateStore, Backlog, RowReader, Protocol):
    """The state, as far as it is set right."""


class _Source(NamedTuple):
    platform: str | None
    bucket: str | None
    key: str | None


def requeue(
    codes: Sequence[str], table: RequeueTable, queue: JobQueue, messages: Sequence[str | None], now: datetime
) -> int:
    """Reset the rows and send the `messages`; returns how many were queued. The other rows are pending.

    The reset comes first: a message that overtakes it finds a row that says extracted, and is lost."""
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
    """The message for this video, with its platform, and with bucket and key where the worker would look
    elsewhere. `None` if no message can carry that."""
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
    """Where the video may be found: where one lies, where a manifest says, or only its platform."""
    folders = [item.folder for item in snapshot.observation(code)]
    for video in snapshot.videos(code, scope.videos_bucket):
        yield _Source(video.platform, video.bucket, video.key)
    for folder in folders:
        if folder.source_bucket is not None:
            yield _Source(folder.platform, folder.source_bucket, folder.source_key)
    for folder in folders:
        yield _Source(folder.platform, None, None)
