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
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from extractor.backends.storage.base import ObjectStore
from extractor.domain.frames import DecodeLimits
from extractor.domain.jobs import FrameSlice, SourceVideo
from extractor.domain.layout import FrameKeys
from extractor.domain.manifest import Manifest
from extractor.domain.output_options import OutputOptions
from extractor.domain.policy import SamplingPolicy, fingerprint
from extractor.domain.slices import Split, join, slice_message
from extractor.errors import ConflictError, InvalidMessageError, TooLargeError
from extractor.output.frame_store import FrameStore, list_by_key
from extractor.output.manifest_store import read_manifest
from extractor.output.slice_records import SliceRecords
from extractor.pipeline.job_context import JobContext, WorkerContext
from extractor.pipeline.slice_queue import SliceQueue

logger = logging.getLogger(__name__)


class SliceJob(Struct, frozen=True):
    """A slice of a video, and what its worker needs.

    Attributes:
        part: The slice.
        source: The version of the video that exists now.
        policy: The policy of the job.
        message: The message that requests the slice.
        queue: Where slices that must be made again are sent; ``None`` if this worker makes no slices.
        store: The bucket of the frames.
        frame_keys: Keys of the video.
        place: Where the frames are stored now; see `FrameSlice`.
        limits: What one video may cost.
    """

    part: FrameSlice
    source: SourceVideo
    policy: SamplingPolicy
    message: Mapping[str, Any]
    queue: SliceQueue | None
    store: ObjectStore
    frame_keys: FrameKeys
    place: str
    limits: DecodeLimits

    @property
    def split(self) -> Split:
        """The split of the video."""
        return Split(self.source, fingerprint(self.policy), self.part.total)

    def look(self, output: OutputOptions) -> Literal["open", "ended", "stale"]:
        """Tell whether the slice is still wanted.

        Args:
            output: What is stored for the video.

        Returns:
            ``ended`` if the manifest of the video is written; ``stale`` if the slice is of another version of
            the video, of another policy or another place of the frames, if another run has written the
            manifest since, or if the settings make videos in one piece by now.
        """
        part, wanted = self.part, fingerprint(self.policy)
        earlier = read_manifest(self.store, self.frame_keys)
        if earlier.manifest and earlier.manifest.matches(self.source, self.policy):
            known = list_by_key(self.store, self.frame_keys)
            if earlier.is_current(self.source, self.policy, output, known):
                return "ended"
        now = (self.source.etag, wanted, self.place, earlier.etag)
        is_same = (part.etag, part.policy, part.place, part.manifest) == now
        makes_slices = self.queue is not None and output == OutputOptions()
        return "open" if is_same and makes_slices else "stale"


def slice_job(
    part: FrameSlice,
    video: SourceVideo,
    frame_keys: FrameKeys,
    context: WorkerContext,
    job_context: JobContext,
) -> SliceJob:
    """Return the slice that a job requests.

    Args:
        part: The slice.
        video: The version of the video that exists now.
        frame_keys: Keys of the video.
        context: What all jobs of the worker share.
        job_context: The job.

    Raises:
        InvalidMessageError: The job comes from no queue.
    """
    if job_context.message is None:
        raise InvalidMessageError("slice: comes from a queue only")
    return SliceJob(
        part=part,
        source=video,
        policy=job_context.job.policy,
        message=job_context.message,
        queue=context.slices,
        store=context.frames,
        frame_keys=frame_keys,
        place=_place(frame_keys, context),
        limits=context.config.limits,
    )


def send_slices(
    slices: Sequence[range],
    video: SourceVideo,
    manifest: str | None,
    context: WorkerContext,
    job_context: JobContext,
) -> None:
    """Send a message for each slice of a video.

    Args:
        slices: The numbers of the frames of each slice, in order.
        video: The version of the video.
        manifest: The ETag of the manifest that the slices replace; ``None`` if there is none.
        context: What all jobs of the worker share.
        job_context: The job, which may be split.

    Raises:
        QueueUnavailableError: Some may not have been sent: the video must be delivered again.
    """
    assert context.slices is not None
    assert job_context.message is not None
    job, total = job_context.job, slices[-1].stop
    place, policy = _place(context.frame_keys(job, video), context), fingerprint(job.policy)
    parts = [
        FrameSlice(frames.start, frames.stop, total, video.etag or "", policy, place, manifest)
        for frames in slices
    ]
    context.slices.send([slice_message(job_context.message, part) for part in parts])
    logger.info("split into slices", extra={"code": job.code, "slices": len(parts)})


def _place(frame_keys: FrameKeys, context: WorkerContext) -> str:
    return f"{context.frames_bucket}/{frame_keys.prefix}{frame_keys.frame_template}"


def is_elected(job: SliceJob) -> bool:
    """Whether the worker of a stale slice does the video anew.

    Of all that find the same manifest, one worker does. A worker that has replaced frames of a later manifest
    cannot rely on the run that has written it.
    """
    found = read_manifest(job.store, job.frame_keys).etag
    marker = job.frame_keys.prefix + job.split.marker_name(job.part, found)
    data = json.dumps([job.part.first, job.part.stop]).encode()
    digest = hashlib.sha256(data).hexdigest()
    try:
        job.store.put(marker, data, content_type="application/json", sha256=digest, replaces=None)
    except ConflictError:
        return False
    return True


def make_slice(job: SliceJob, extract: Callable[[FrameStore], Manifest]) -> Manifest | None:
    """Make a slice, unless that is done, and join all slices if this was the last one.

    Args:
        job: The slice.
        extract: Makes and stores the frames of the slice, and returns their manifest.

    Returns:
        The manifest of the video; ``None`` if other slices are still to be made.

    Raises:
        TooLargeError: The frames of all slices exceed a limit.
        ExtractorError: The slice cannot be made.
    """
    frames, records = job.part.frames, SliceRecords(job.store, job.frame_keys, job.split)
    known = list_by_key(job.store, job.frame_keys)
    if records.key(frames) not in known or records.read(frames, known) is None:
        manifest = extract(FrameStore(job.store, job.frame_keys, job.policy.image_format, dict(known)))
        records.write(frames, manifest, known)
    cover = records.cover()
    return None if cover is None else _joined(job, records, cover)


def _joined(job: SliceJob, records: SliceRecords, cover: Sequence[range]) -> Manifest | None:
    """Join recorded slices. Slices whose frames were lost or replaced are requested again."""
    known = list_by_key(job.store, job.frame_keys)
    parts = {frames: records.read(frames, known) for frames in cover}
    if lost := [frames for frames, part in parts.items() if part is None]:
        assert job.queue is not None
        again = [replace(job.part, first=frames.start, stop=frames.stop) for frames in lost]
        job.queue.send([slice_message(job.message, part) for part in again])
        for frames in lost:
            records.discard(frames, known)
        return None
    manifest = join([part for part in parts.values() if part is not None])
    if manifest.size_bytes > job.limits.max_frames_bytes:
        raise TooLargeError("the frames of this video exceed MAX_FRAMES_MB")
    return manifest
