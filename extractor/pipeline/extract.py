"""Extract one file on disk: store its frames and build their manifest. Shared by cloud and local use."""

import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, cast

from msgspec import Struct, convert, field
from msgspec.structs import replace

from extractor import __version__
from extractor.domain.frames import DecodeLimits, Frame, ProgressCallback, Scene, StoredFrame
from extractor.domain.jobs import SourceVideo
from extractor.domain.manifest import Manifest, VideoInfo
from extractor.domain.output_options import OutputOptions
from extractor.domain.policy import SamplingPolicy, fingerprint
from extractor.domain.timing import Stopwatch
from extractor.errors import DeadlineError
from extractor.media.decode.decoded_times import needs_times, schedule_decoded
from extractor.media.decode.decoder import FrameDecoder
from extractor.media.decode.scene_pass import SceneSelection, find_scenes
from extractor.media.decode.schedule import DecodeSchedule, make_schedule, schedule_targets
from extractor.media.decode.session import DecodeAgainError
from extractor.media.decode.single_pass import SinglePass, try_single_pass
from extractor.media.dedup import drop_redundant
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.probe.index import read_index
from extractor.media.probe.table_index import UnconfirmedIndexError, predict_index
from extractor.media.probe.video_index import VideoIndex
from extractor.media.strategies import strategy_of
from extractor.output.frame_store import FrameStore
from extractor.output.writers import StoredOutput, open_writer
from extractor.pipeline.notes import manifest_notes
from extractor.pipeline.resume import frames_made, numbered, remaining, seconds_needed

if TYPE_CHECKING:
    from extractor.output.storyboard.storyboard import Storyboard

_FREE_CLOCKS = frozenset({"mpegts", "mpeg", "flv", "asf"})

logger = logging.getLogger(__name__)


class ExtractorConfig(Struct, frozen=True):
    """How videos are decoded and stored; the same for all videos of a worker.

    Attributes:
        ffmpeg: Path of the FFmpeg binary.
        limits: What one video may cost.
        upload_workers: Number of uploads at a time; 0 for a store that never waits, such as a folder.
        plan: Whether to skip packets that no wanted frame needs. Without, the frames are the same.
        output: What is stored for a video.
    """

    ffmpeg: str
    limits: DecodeLimits
    upload_workers: int
    plan: bool = True
    output: OutputOptions = field(default_factory=OutputOptions)


class ExtractionTask(Struct, frozen=True):
    """One file to extract.

    Attributes:
        path: The file.
        code: Code of the video.
        platform: Its platform, if it has one.
        source: The object that the file is a copy of.
        policy: Which frames are wanted.
        deadline: When the work must end, as of `time.monotonic()`.
        stored: Reusable frames of an earlier run, from the first on.
        sample_name: Name of the video in a data set; by default its platform and code.
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
        """Name that no other video of a data set has."""
        return self.sample_name or (f"{self.platform}/{self.code}" if self.platform else self.code)


def extract(
    task: ExtractionTask,
    frame_store: FrameStore,
    config: ExtractorConfig,
    watch: Stopwatch,
    progress: ProgressCallback | None = None,
) -> Manifest:
    """Store every wanted frame.

    Args:
        task: The file.
        frame_store: Where to store the frames.
        config: How to decode and store.
        watch: Measures the stages.
        progress: Called after each frame.

    Returns:
        The manifest of the frames, which the caller writes.

    Raises:
        ExtractorError: Why there is no manifest. Frames stored until then stay, and no manifest lists them.
    """
    try:
        return _extract(task, frame_store, config, watch, progress, from_tables=config.plan)
    except UnconfirmedIndexError:
        logger.info("the tables of the file are not enough, listing its packets", extra={"code": task.code})
        return _extract(task, frame_store, config, watch, progress, from_tables=False)


def _extract(
    task: ExtractionTask,
    frame_store: FrameStore,
    config: ExtractorConfig,
    watch: Stopwatch,
    progress: ProgressCallback | None,
    *,
    from_tables: bool,
) -> Manifest:
    limits = config.limits
    source = DecoderInput(task.path, limits, config.ffmpeg)
    budget = ProcessLimits(task.deadline, limits.stall_seconds, limits.memory_bytes)
    with watch.stage("index"):
        index, precomputed = find_index(
            source, task.policy, budget, plan=config.plan, from_tables=from_tables
        )
        source = index.select(source)
    with watch.stage("extract"):
        index, schedule, found = choose_frames(source, index, precomputed, task.policy, budget)
        # An archive and a storyboard need every frame.
        can_resume = precomputed is None and config.output == OutputOptions()
        before = task.stored[: frames_made(task.stored, schedule, index, task.policy)] if can_resume else ()
        rest = remaining(schedule, len(before), index, task.policy)
        decoder = FrameDecoder(source, index, task.policy, rest, budget, precomputed=precomputed)
        stored = _store(decoder, len(before), task, frame_store, config, progress)
        stored = replace(stored, frames=(*before, *stored.frames))
    return _manifest(task, decoder, schedule, found.scenes if found else decoder.scenes, stored, watch)


def find_index(
    source: DecoderInput,
    policy: SamplingPolicy,
    budget: ProcessLimits,
    *,
    plan: bool = True,
    from_tables: bool = True,
) -> tuple[VideoIndex, SinglePass | None]:
    """Index the file; where that costs nothing more, its frames are made in the same pass.

    Args:
        source: The file.
        policy: The sampling policy.
        budget: The limits of FFmpeg.
        plan: Whether packets that no wanted frame needs may be skipped.
        from_tables: Whether the index may be predicted from the tables of the file.

    Returns:
        The index, and the frames if they are already made.

    Raises:
        ExtractorError: The file cannot be decoded.
    """
    may_predict = plan and from_tables and not (policy.watches_every_frame or policy.selects_scenes)
    if may_predict and (predicted := predict_index(source, policy, budget)):
        return predicted, None
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
        The index, updated by the pass for scenes if there was one; the schedule; and the scenes of that pass.

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
    """Return whether scenes need a separate pass.

    They do if frames are chosen by scene, and if only keyframes are decoded for the frames because the file
    has no presentation times.
    """
    keyframes_alone = strategy_of(policy).intra_only and not index.shown_pts
    return policy.selects_scenes or (policy.detector is not None and keyframes_alone)


def _schedule(
    source: DecoderInput,
    index: VideoIndex,
    policy: SamplingPolicy,
    found: SceneSelection | None,
    budget: ProcessLimits,
) -> DecodeSchedule:
    if found and policy.selects_scenes:
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
) -> StoredOutput:
    """Decode the frames and store them, numbered from `first` on.

    If the plan or the header turns out to be wrong, decode everything and overwrite the frames.
    """
    decoder.use_plan = decoder.use_plan and config.plan
    write = open_writer(config.output.form)
    while True:
        storyboard = _open_storyboard(decoder.index, frame_store) if config.output.storyboard else None
        try:
            # After a failed upload, close the decode at once: its FFmpeg must not run until Python happens
            # to collect the generators.
            with closing(cast("Generator[Frame]", iter(decoder))) as decoded:
                frames: Iterable[Frame] = numbered(drop_redundant(decoded, task.policy), first)
                if not decoder.is_planned:
                    frames = _in_time(frames, decoder.index.duration_seconds, task.deadline)
                if progress:
                    frames = _reported(frames, decoder.index, progress)
                if storyboard:
                    frames = storyboard.watch(frames)
                stored = write(
                    frames, frame_store, workers=config.upload_workers, sample_name=task.unique_name
                )
            return replace(stored, extras=storyboard.store()) if storyboard else stored
        except DecodeAgainError as found:
            logger.info(
                "the first decode did not fit the video, decoding everything", extra={"code": task.code}
            )
            decoder.restart_without_plan(found.picture)


def _open_storyboard(index: VideoIndex, frame_store: FrameStore) -> "Storyboard":
    """Import the storyboard only here: it needs OpenCV."""
    from extractor.output.storyboard.storyboard import Storyboard

    return Storyboard(frame_store, *_shown_seconds(index))


def _shown_seconds(index: VideoIndex) -> tuple[float, float]:
    """Return when players show the first frame and the end of the video.

    Players count from 0 in most containers, and from the first packet in those whose clock starts anywhere
    (broadcasts).
    """
    origin = index.container_start_seconds if index.container in _FREE_CLOCKS else 0.0
    start = max(0.0, index.start_seconds - origin)
    return start, start + index.duration_seconds


def _in_time(frames: Iterable[Frame], duration_seconds: float, deadline: float) -> Iterator[Frame]:
    """Raise `DeadlineError` as soon as the deadline is out of reach: a full decode cannot be resumed."""
    started = monotonic()
    for frame in frames:
        share = frame.pts_seconds / duration_seconds if duration_seconds else 0.0
        needed = seconds_needed(monotonic() - started, deadline - started, share)
        if needed is not None:
            raise DeadlineError(
                f"decoding this video takes about {needed:.0f} s, and {deadline - started:.0f} s were left"
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
    stored: StoredOutput,
    watch: Stopwatch,
) -> Manifest:
    index = decoder.confirmed_index
    return Manifest(
        code=task.code,
        platform=task.platform,
        source=task.source,
        video=convert(index, VideoInfo, from_attributes=True),
        policy=task.policy,
        policy_fingerprint=fingerprint(task.policy),
        frames=stored.frames,
        archive=stored.archive,
        extras=stored.extras,
        scenes=None if scenes is None else tuple(scenes),
        scene_count=None if scenes is None else len(scenes),
        decoded_seconds=round(decoder.decoded_seconds, 6),
        expected_seconds=round(index.expected_seconds, 6),
        truncated=index.truncated,
        decode_errors=decoder.decode_errors,
        notes=tuple(manifest_notes(index, schedule, task.policy, decoder)),
        ffmpeg_version=index.ffmpeg_version,
        extractor_version=__version__,
        timings=dict(watch.seconds),
    )
