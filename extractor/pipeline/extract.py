"""From a file on disk to stored frames and their manifest. What the cloud and the command line share."""

import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import cast

from msgspec import Struct, field
from msgspec.structs import replace

from extractor import __version__
from extractor.domain.frames import DecodeLimits, Frame, ProgressCallback, Scene, StoredFrame
from extractor.domain.jobs import SourceVideo
from extractor.domain.manifest import Manifest
from extractor.domain.manifest_records import (
    ArchiveRecord,
    ExtraRecord,
    PolicyRecord,
    SceneRecord,
    SourceRecord,
    VideoRecord,
    frame_records,
)
from extractor.domain.output_options import OutputOptions
from extractor.domain.policy import SamplingPolicy, fingerprint
from extractor.domain.timing import Stopwatch
from extractor.errors import DeadlineError
from extractor.media.decode.decoded_times import needs_times, schedule_decoded
from extractor.media.decode.decoder import FrameDecoder
from extractor.media.decode.scene_pass import SceneSelection, find_scenes
from extractor.media.decode.schedule import (
    DecodeSchedule,
    largest_gap_seconds,
    make_schedule,
    schedule_targets,
)
from extractor.media.decode.session import DecodeAgainError
from extractor.media.decode.single_pass import SinglePass, try_single_pass
from extractor.media.dedup import drop_redundant
from extractor.media.ffmpeg.command import DecoderInput
from extractor.media.ffmpeg.filters import colour_notes
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.probe.index import VideoIndex, read_index
from extractor.media.strategies import strategy_of
from extractor.output.frame_store import FrameStore
from extractor.output.writers import Stored, store_output
from extractor.pipeline.resume import frames_made, numbered, remaining, seconds_needed

_FREE_CLOCKS = frozenset({"mpegts", "mpeg", "flv", "asf"})

logger = logging.getLogger(__name__)


class ExtractorConfig(Struct, frozen=True):
    """How videos are decoded and their frames stored, the same for all videos of a worker. Without
    `plan`, everything is decoded, with the same result."""

    ffmpeg: str
    limits: DecodeLimits
    upload_workers: int
    plan: bool = True
    output: OutputOptions = field(default_factory=OutputOptions)


class ExtractionTask(Struct, frozen=True):
    """One file to be done: what it is called and where it came from.

    `deadline` is a `time.monotonic()` value in seconds. `stored` are frames of an earlier run, from the first
    on, that lie where they belong. `sample_name` is what the frames are called in a tar, if the code does
    not tell the video from all others.
    """

    path: Path
    code: str
    platform: str | None
    source: SourceVideo
    policy: SamplingPolicy
    deadline: float
    stored: Sequence[StoredFrame] = ()
    sample_name: str | None = None

    @property
    def unique_name(self) -> str:
        """What no other video of a data set is called."""
        return self.sample_name or (f"{self.platform}/{self.code}" if self.platform else self.code)


def extract(
    task: ExtractionTask,
    frame_store: FrameStore,
    config: ExtractorConfig,
    watch: Stopwatch,
    progress: ProgressCallback | None = None,
) -> Manifest:
    """Put every wanted frame on the shelf and return the manifest that lists them, not yet written.

    Raises the `ExtractorError` that says why there is none; frames stored until then stay, without
    a manifest that vouches for them.
    """
    limits = config.limits
    source = DecoderInput(task.path, limits, config.ffmpeg)
    budget = ProcessLimits(task.deadline, limits.stall_seconds, limits.memory_bytes)
    with watch.stage("index"):
        index, precomputed = find_index(source, task.policy, budget, plan=config.plan)
        source = index.select(source)
    with watch.stage("extract"):
        index, schedule, found = choose_frames(source, index, precomputed, task.policy, budget)
        goes_on = (
            precomputed is None and config.output == OutputOptions()
        )  # a tar and a storyboard need every frame
        before = task.stored[: frames_made(task.stored, schedule, index, task.policy)] if goes_on else ()
        rest = remaining(schedule, len(before), index, task.policy)
        decoder = FrameDecoder(source, index, task.policy, rest, budget, precomputed=precomputed)
        stored = _store(decoder, len(before), task, frame_store, config, progress)
        stored = replace(stored, frames=(*before, *stored.frames))
    return _manifest(task, decoder, schedule, found.scenes if found else decoder.scenes, stored, watch)


def find_index(
    source: DecoderInput, policy: SamplingPolicy, budget: ProcessLimits, *, plan: bool = True
) -> tuple[VideoIndex, SinglePass | None]:
    """Index the file; where that costs nothing more, its frames are made in the same pass.

    Raises:
        ExtractorError: The file cannot be decoded.
    """
    precomputed = try_single_pass(source, policy, budget) if plan else None
    return (precomputed.index if precomputed else read_index(source, budget, policy)), precomputed


def choose_frames(
    source: DecoderInput,
    index: VideoIndex,
    precomputed: SinglePass | None,
    policy: SamplingPolicy,
    budget: ProcessLimits,
) -> tuple[VideoIndex, DecodeSchedule, SceneSelection | None]:
    """Choose the frames of `source`, whose stream `index` has selected.

    Returns:
        The index with what a pass for scenes told of the frames, the schedule, and the scenes if there was
        such a pass.

    Raises:
        ExtractorError: The file cannot be decoded.
    """
    found = find_scenes(source, index, policy, budget) if _scenes_first(index, policy) else None
    index = found.index if found else index
    return (
        index,
        (precomputed.schedule if precomputed else _schedule(source, index, policy, found, budget)),
        found,
    )


def _scenes_first(index: VideoIndex, policy: SamplingPolicy) -> bool:
    """Whether scenes need a pass of their own: where frames are chosen by them, and where keyframes cannot be
    found among all frames, since the file does not say when they are shown."""
    strategy = strategy_of(policy)
    keyframes_alone = strategy.intra_only and not index.shown_pts
    return strategy.selects_scenes or (policy.detector is not None and keyframes_alone)


def _schedule(
    source: DecoderInput,
    index: VideoIndex,
    policy: SamplingPolicy,
    found: SceneSelection | None,
    budget: ProcessLimits,
) -> DecodeSchedule:
    if found and strategy_of(policy).selects_scenes:
        return schedule_targets(index, found.targets, found.start, policy)
    if needs_times(index, policy):
        return schedule_decoded(source, index, policy, budget)
    return make_schedule(index, policy)


def _store(
    decoder: FrameDecoder,
    first: int,
    task: ExtractionTask,
    frame_store: FrameStore,
    config: ExtractorConfig,
    progress: ProgressCallback | None,
) -> Stored:
    """Decode and store, with numbers from `first` on; if the plan does not hold, or the frames are not as the
    header has them, once more in full, over what was stored."""
    decoder.use_plan = decoder.use_plan and config.plan
    try:
        # An upload that fails leaves the decode in the middle: its FFmpeg ends here, and not when Python
        # happens to collect the generators.
        with closing(cast("Generator[Frame]", iter(decoder))) as decoded:
            frames: Iterable[Frame] = numbered(drop_redundant(decoded, task.policy), first)
            if not decoder.is_planned:
                frames = _in_time(frames, decoder.index.duration_seconds, task.deadline)
            if progress:
                frames = _reported(frames, decoder.index, progress)
            shown = _shown_seconds(decoder.index)
            return store_output(
                frames, frame_store, config.upload_workers, config.output, task.unique_name, shown
            )
    except DecodeAgainError as found:
        logger.info("the first decode did not fit the video, decoding everything", extra={"code": task.code})
        decoder.restart_without_plan(found.picture)
        return _store(decoder, first, task, frame_store, config, progress)


def _shown_seconds(index: VideoIndex) -> tuple[float, float]:
    """When the first frame and the end of the video are shown, as players count: from 0 in most containers,
    from the first packet in those whose clock is not set to 0 (broadcasts)."""
    origin = index.container_start_seconds if index.container in _FREE_CLOCKS else 0.0
    start = max(0.0, index.start_seconds - origin)
    return start, start + index.duration_seconds


def _in_time(frames: Iterable[Frame], duration_seconds: float, deadline: float) -> Iterator[Frame]:
    """Raises `DeadlineError` early: where everything is decoded, no later run can go on from here."""
    begun = monotonic()
    for frame in frames:
        share = frame.pts_seconds / duration_seconds if duration_seconds else 0.0
        needed = seconds_needed(monotonic() - begun, deadline - begun, share)
        if needed is not None:
            raise DeadlineError(
                f"decoding this video takes about {needed:.0f} s, and {deadline - begun:.0f} s were left"
            )
        yield frame


def _reported(frames: Iterable[Frame], index: VideoIndex, progress: ProgressCallback) -> Iterator[Frame]:
    for frame in frames:
        progress(frame.pts_seconds, index.duration_seconds)
        yield frame


def _manifest(
    task: ExtractionTask,
    decoder: FrameDecoder,
    schedule: DecodeSchedule,
    scenes: Sequence[Scene] | None,
    stored: Stored,
    watch: Stopwatch,
) -> Manifest:
    index = decoder.index
    return Manifest(
        code=task.code,
        platform=task.platform,
        source=SourceRecord.model_validate(task.source),
        video=VideoRecord.model_validate(index),
        policy=PolicyRecord.model_validate(task.policy),
        policy_fingerprint=fingerprint(task.policy),
        frames=frame_records(stored.frames),
        archive=ArchiveRecord.model_validate(stored.archive) if stored.archive else None,
        extras=tuple(ExtraRecord.model_validate(extra) for extra in stored.extras),
        scenes=None if scenes is None else tuple(SceneRecord.model_validate(scene) for scene in scenes),
        scene_count=None if scenes is None else len(scenes),
        decoded_seconds=round(decoder.decoded_seconds, 6),
        expected_seconds=round(index.expected_seconds, 6),
        truncated=index.truncated,
        decode_errors=decoder.decode_errors,
        notes=(
            *_notes(index, schedule, task.policy),
            *_unordered(decoder, task.policy),
            *_unanswered(index, task.policy, decoder.decoded_seconds),
        ),
        ffmpeg_version=index.ffmpeg_version,
        extractor_version=__version__,
        timings=dict(watch.seconds),
    )


def _notes(index: VideoIndex, schedule: DecodeSchedule, policy: SamplingPolicy) -> Iterator[str]:
    if policy.strategy == "keyframe" and schedule.targets is not None:
        gap = largest_gap_seconds(schedule.targets, index.time_base)
        if gap > 2 * policy.interval_seconds:
            yield f"keyframes lie up to {gap:.2f} s apart, {policy.interval_seconds:g} s were asked for"
    if index.claimed_seconds is not None:
        yield (
            f"the header claims {index.claimed_seconds:.2f} s, but the file is complete after"
            f" {index.duration_seconds:.2f} s"
        )
    if index.unread_bytes:
        yield f"another video follows in the last {index.unread_bytes} bytes of the file, which are not read"
    if changes := len(index.discontinuities):
        times = "once" if changes == 1 else f"{changes} times"
        yield f"the clock of the file restarts or jumps {times}: see video.discontinuities"
    yield from colour_notes(index.picture)
    if index.hdr == "dolby-vision-5":
        yield "Dolby Vision profile 5 has colours of its own, which are not converted"


def _unordered(decoder: FrameDecoder, policy: SamplingPolicy) -> Iterator[str]:
    if policy.strategy != "keyframe" and (count := decoder.unordered):
        total = decoder.index.frame_count
        yield f"{count} of {total} frames have no time after that of the one before: they cannot be asked for"


def _unanswered(index: VideoIndex, policy: SamplingPolicy, decoded_seconds: float) -> Iterator[str]:
    """Of timestamps, those for which there is no frame."""
    end = float((index.shown_pts[-1] - index.shown_pts[0]) * index.time_base) if index.shown_pts else None
    last = max(index.duration_seconds, decoded_seconds) if end is None else end
    late = [moment for moment in policy.timestamps_seconds if moment > last]
    if late:
        shown = ", ".join(f"{moment:g}" for moment in late[:5]) + (" …" if len(late) > 5 else "")
        yield (
            f"{len(late)} of {len(policy.timestamps_seconds)} timestamps lie after the last frame, "
            f"at {last:.3f} s, and have no frame: {shown}"
        )
