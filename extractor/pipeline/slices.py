"""Slices of long videos: send their messages, make one, and join all when the last one is made.

A worker that finds a video long sends a message for each slice to the queue of the jobs, and acknowledges its
own. Each slice is then a delivery of its own: it stores its frames, and its record after them. Whoever finds
all slices recorded joins them. Nothing waits, and each step can be repeated: a slice that is delivered twice
finds its record, and a worker that dies after the last record leaves its message, whose next delivery joins.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from extractor.backends.queues.base import JobQueue, OutgoingMessage
from extractor.backends.queues.batches import batches
from extractor.backends.storage.base import ObjectStore, StoredObject
from extractor.domain.frames import DecodeLimits
from extractor.domain.jobs import FrameSlice, SourceVideo
from extractor.domain.layout import FrameKeys
from extractor.domain.manifest import Manifest
from extractor.domain.policy import SamplingPolicy, fingerprint
from extractor.domain.slices import Split, is_of, join, slice_message, whole_message
from extractor.errors import ConflictError, QueueUnavailableError, TooLargeError
from extractor.output.frame_store import FrameStore, list_by_key
from extractor.output.slice_records import SliceRecords

logger = logging.getLogger(__name__)


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


class SliceJob(Struct, frozen=True):
    """A slice of a video, and what its worker needs.

    Attributes:
        part: The slice.
        source: The version of the video that exists now.
        policy: The policy of the job.
        message: The message that requests the slice.
        store: The bucket of the frames.
        frame_keys: Keys of the video.
        limits: What one video may cost.
    """

    part: FrameSlice
    source: SourceVideo
    policy: SamplingPolicy
    message: Mapping[str, Any]
    store: ObjectStore
    frame_keys: FrameKeys
    limits: DecodeLimits

    @property
    def split(self) -> Split:
        """The split of the video."""
        return Split(self.source, fingerprint(self.policy), self.part.total)

    @property
    def is_stale(self) -> bool:
        """Whether the slice is of another version of the video, or of another policy."""
        return not is_of(self.part, self.source, fingerprint(self.policy))


def send_slices(
    slices: Sequence[range],
    source: SourceVideo,
    policy: SamplingPolicy,
    message: Mapping[str, Any],
    queue: SliceQueue,
) -> None:
    """Send a message for each slice of a video.

    Args:
        slices: The numbers of the frames of each slice, in order.
        source: The version of the video.
        policy: The policy of the job.
        message: The message that requests the video.
        queue: Where to send.

    Raises:
        QueueUnavailableError: Some may not have been sent: the video must be delivered again.
    """
    split = Split(source, fingerprint(policy), slices[-1].stop)
    queue.send([slice_message(message, frames, split) for frames in slices])
    logger.info("split into slices", extra={"key": source.key, "slices": len(slices)})


def restart(job: SliceJob, queue: SliceQueue) -> None:
    """Request the video anew, since a slice is stale. Of all stale slices, the first one does so.

    Raises:
        QueueUnavailableError: The message may not have been sent.
    """
    marker = job.frame_keys.prefix + job.split.record_name(range(0))
    data = json.dumps([job.part.first, job.part.stop, job.part.etag, job.part.policy]).encode()
    digest = hashlib.sha256(data).hexdigest()
    try:
        job.store.put(marker, data, content_type="application/json", sha256=digest, replaces=None)
    except ConflictError:
        return  # another slice has done so, or is about to
    queue.send([whole_message(job.message)])


def make_slice(
    job: SliceJob,
    known: Mapping[str, StoredObject],
    extract: Callable[[FrameStore], Manifest],
    queue: SliceQueue,
) -> Manifest | None:
    """Make a slice, unless that is done, and join all slices if this was the last one.

    Args:
        job: The slice.
        known: The objects in the folder of the video, by key.
        extract: Makes and stores the frames of the slice, and returns their manifest.
        queue: Where to send slices that must be made again.

    Returns:
        The manifest of the video; ``None`` if other slices are still to be made.

    Raises:
        TooLargeError: The frames of all slices exceed a limit.
        ExtractorError: The slice cannot be made.
    """
    frames, records = job.part.frames, SliceRecords(job.store, job.frame_keys, job.split)
    if records.key(frames) not in known or records.read(frames, known) is None:
        manifest = extract(FrameStore(job.store, job.frame_keys, job.policy.image_format, dict(known)))
        records.write(frames, manifest, known)
    cover = records.cover()
    return None if cover is None else _joined(job, records, cover, queue)


def _joined(
    job: SliceJob, records: SliceRecords, cover: Sequence[range], queue: SliceQueue
) -> Manifest | None:
    """Join recorded slices. Slices whose frames were lost or replaced are requested again."""
    known = list_by_key(job.store, job.frame_keys)
    parts = {frames: records.read(frames, known) for frames in cover}
    if lost := [frames for frames, part in parts.items() if part is None]:
        queue.send([slice_message(whole_message(job.message), frames, job.split) for frames in lost])
        for frames in lost:
            records.discard(frames, known)
        return None
    manifest = join([part for part in parts.values() if part is not None])
    if manifest.size_bytes > job.limits.max_frames_bytes:
        raise TooLargeError("the frames of this video exceed MAX_FRAMES_MB")
    return manifest
