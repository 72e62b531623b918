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
from extractor.domain.frames import DecodeLimits, Frame, ProgressCallback, StoredFrame
from extractor.domain.jobs import FrameSlice, SourceVideo
from extractor.domain.manifest import Manifest, VideoInfo
from extractor.domain.output_options import AudioForm, OutputOptions
from extractor.domain.policy import SamplingPolicy, fingerprint
from extractor.domain.timing import Stopwatch
from extractor.errors import DeadlineError
from extractor.media.decode.decoder import FrameDecoder
from extractor.media.decode.session import DecodeAgainError
from extractor.media.decode.survey import FrameChoice
from extractor.media.dedup import drop_redundant
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.probe.table_index import UnconfirmedIndexError
from extractor.media.probe.video_index import VideoIndex
from extractor.output.frame_store import FrameStore
from extractor.output.writers import StoredOutput, open_writer
from extractor.pipeline.notes import manifest_notes
from extractor.pipeline.partial_copy import PartialCopy
from extractor.pipeline.resume import frames_made, numbered, remaining, seconds_needed
from extractor.pipeline.selection import IncompleteFileError, choose_frames, find_index
from extractor.pipeline.splitting import SliceMismatchError, part_of, raise_if_long

if TYPE_CHECKING:
    from extractor.output.storyboard.storyboard import Storyboard

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
        copy: If the file is partial: the copy that can be completed.
        split_seconds: Split a video that is estimated to take longer; 0 never splits.
        part: The slice to extract, if not the whole video.
    """

    path: Path
    code: str
    platform: str | None
    source: SourceVideo
    policy: SamplingPolicy
    deadline: float
    stored: Sequence[StoredFrame] = ()
    sample_name: str | None = None
    copy: PartialCopy | None = None
    split_seconds: float = 0.0
    part: FrameSlice | None = None

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
        SplitNeeded: The frames must be made in slices. No frame was stored.
        SliceMismatchError: The frames of the slice may differ from those of the video in one piece.
        ExtractorError: Why there is no manifest. Frames stored until then stay, and no manifest lists them.
    """
    from_tables = config.plan
    while True:
        try:
            choice, decoder, before = _prepare(task, config, watch, from_tables=from_tables)
            if task.split_seconds and not before and decoder.precomputed is None:
                raise_if_long(choice, config.output, config.limits, task.split_seconds)
            first = task.part.first if task.part else len(before)
            with watch.stage("extract"):
                stored = _store(decoder, choice, first, task, frame_store, config, progress)
                audio_notes: tuple[str, ...] = ()
                if config.output.audio:
                    stored, audio_notes = _add_audio(stored, decoder, config.output.audio, frame_store)
            stored = replace(stored, frames=(*before, *stored.frames))
            manifest = _manifest(task, decoder, choice, stored, watch)
            return replace(manifest, audio=config.output.audio, notes=(*manifest.notes, *audio_notes))
        except (IncompleteFileError, UnconfirmedIndexError):
            if task.copy is not None:
                task.copy.complete()
                task = replace(task, copy=None)
                continue
            logger.info("the tables give no index, FFmpeg lists the packets", extra={"code": task.code})
            from_tables = False


def _prepare(
    task: ExtractionTask, config: ExtractorConfig, watch: Stopwatch, *, from_tables: bool
) -> tuple[FrameChoice, FrameDecoder, Sequence[StoredFrame]]:
    """Return the choice of frames, a decoder for those that must be made, and the frames before these."""
    if task.copy is not None and config.output.audio:
        raise IncompleteFileError
    limits = config.limits
    present = tuple(task.copy.present) if task.copy else None
    source = DecoderInput(task.path, limits, config.ffmpeg, present=present)
    budget = ProcessLimits(task.deadline, limits.stall_seconds, limits.memory_bytes)
    with watch.stage("index"):
        index, precomputed = find_index(
            source,
            task.policy,
            budget,
            plan=config.plan,
            from_tables=from_tables,
            all_frames=task.part is None,
        )
        source = index.select(source)
    with watch.stage("extract"):
        choice = choose_frames(source, index, precomputed, task.policy, budget, task.part, plan=config.plan)
        index, schedule, policy = choice.index, choice.schedule, choice.policy
        # An archive and a storyboard need every frame, the audio track none.
        can_resume = precomputed is None and replace(config.output, audio=None) == OutputOptions()
        before = task.stored[: frames_made(task.stored, schedule, index, policy)] if can_resume else ()
        rest = remaining(schedule, len(before), index, policy)
        if task.part is not None:
            rest = part_of(schedule, task.part, index, policy)
        if present is not None:  # the plan needs no more
            source = replace(source, present=None, parses_packets=False)
        decoder = FrameDecoder(source, index, policy, rest, budget, choice.use_plan, precomputed)
    return choice, decoder, before


def _store(
    decoder: FrameDecoder,
    choice: FrameChoice,
    first: int,
    task: ExtractionTask,
    frame_store: FrameStore,
    config: ExtractorConfig,
    progress: ProgressCallback | None,
) -> StoredOutput:
    """Decode the frames and store them, numbered from `first` on.

    If the plan or the header turns out to be wrong, decode everything and overwrite the frames. A slice is
    given up then, since in one piece all frames would be decoded again.

    Raises:
        SliceMismatchError: The plan or the header is wrong, and only a slice is wanted.
    """
    write = open_writer(config.output.form)
    while True:
        storyboard = _open_storyboard(decoder.index, frame_store) if config.output.storyboard else None
        try:
            # After a failed upload, close the decode at once: its FFmpeg must not run until Python happens
            # to collect the generators.
            with closing(cast("Generator[Frame]", iter(decoder))) as decoded:
                frames: Iterable[Frame] = drop_redundant(decoded, choice.policy)
                frames = numbered(choice.only_kept(frames, first), first)
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
            if task.copy is not None:
                raise IncompleteFileError from found
            if task.part is not None:
                raise SliceMismatchError from found
            logger.info(
                "the first decode did not fit the video, decoding everything", extra={"code": task.code}
            )
            decoder.restart_without_plan(found.picture)
        except UnconfirmedIndexError as found:
            # If FFmpeg's description contradicts the tables, it does so in each slice; frames may not.
            is_described = not decoder.confirmed_index.is_predicted
            if task.part is not None and task.copy is None and is_described:
                raise SliceMismatchError from found
            raise


def _add_audio(
    stored: StoredOutput, decoder: FrameDecoder, form: AudioForm, frame_store: FrameStore
) -> tuple[StoredOutput, tuple[str, ...]]:
    """Store the audio track as well, and return the notes on it."""
    from extractor.pipeline.audio import store_audio

    audio = store_audio(decoder.source, decoder.confirmed_index, form, decoder.budget, frame_store)
    return replace(stored, extras=(*stored.extras, *audio.extras)), audio.notes


def _open_storyboard(index: VideoIndex, frame_store: FrameStore) -> "Storyboard":
    """Import the storyboard only here: it needs OpenCV."""
    from extractor.output.storyboard.storyboard import Storyboard

    return Storyboard(frame_store, *index.played_seconds)


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
    choice: FrameChoice,
    stored: StoredOutput,
    watch: Stopwatch,
) -> Manifest:
    index = decoder.confirmed_index
    scenes = decoder.scenes if choice.scenes is None else choice.scenes
    return Manifest(
        code=task.code,
        platform=task.platform,
        source=task.source,
        video=convert(index, VideoInfo, from_attributes=True),
        policy=task.policy,
        policy_fingerprint=fingerprint(task.policy),
        frames=stored.frames,
        left_out=choice.left_out,
        archive=stored.archive,
        extras=stored.extras,
        scenes=scenes,
        scene_count=None if scenes is None else len(scenes),
        decoded_seconds=round(decoder.decoded_seconds, 6),
        expected_seconds=round(index.expected_seconds, 6),
        truncated=index.truncated,
        decode_errors=decoder.decode_errors,
        notes=tuple(manifest_notes(index, choice.schedule, task.policy, decoder)),
        ffmpeg_version=index.ffmpeg_version,
        extractor_version=__version__,
        timings=dict(watch.seconds),
    )
