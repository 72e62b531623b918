"""Choose the frames to make of a video: index it, find its scenes or its most distinct frames first."""

from extractor.domain.jobs import FrameSlice
from extractor.domain.policy import SamplingPolicy
from extractor.media.decode.decoded_times import needs_times, schedule_decoded
from extractor.media.decode.scene_pass import SceneSelection, find_scenes
from extractor.media.decode.schedule import DecodeSchedule, make_schedule, schedule_targets
from extractor.media.decode.single_pass import SinglePass, try_single_pass
from extractor.media.decode.survey import FrameChoice, most_distinct
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.probe.index import read_index
from extractor.media.probe.table_index import predict_index
from extractor.media.probe.video_index import VideoIndex
from extractor.media.strategies import strategy_of
from extractor.pipeline.splitting import schedule_of


class IncompleteFileError(Exception):
    """A partial file does not suffice: all of its bytes are needed."""


def may_predict(policy: SamplingPolicy) -> bool:
    """Whether the index may be predicted from the tables of a file.

    Args:
        policy: The sampling policy.
    """
    return not policy.keeps_distinct


def needs_only_planned(policy: SamplingPolicy) -> bool:
    """Whether no other frames are decoded than the wanted ones and those that they depend on.

    Args:
        policy: The sampling policy.
    """
    return not (policy.watches_every_frame or policy.selects_scenes or policy.keeps_distinct)


def find_index(
    source: DecoderInput,
    policy: SamplingPolicy,
    budget: ProcessLimits,
    *,
    plan: bool = True,
    from_tables: bool = True,
    all_frames: bool = True,
) -> tuple[VideoIndex, SinglePass | None]:
    """Index the file; where that costs nothing more, its frames are made in the same pass.

    Args:
        source: The file.
        policy: The sampling policy.
        budget: The limits of FFmpeg.
        plan: Whether packets that no wanted frame needs may be skipped.
        from_tables: Whether the index may be predicted from the tables of the file.
        all_frames: Whether all frames of the policy are wanted, and not a slice of them.

    Returns:
        The index, and the frames if they are already made.

    Raises:
        IncompleteFileError: FFmpeg must index the file, and some of it is missing.
        ExtractorError: The file cannot be decoded.
    """
    if plan and from_tables and may_predict(policy) and (predicted := predict_index(source, policy, budget)):
        return predicted, None
    if source.present is not None:
        raise IncompleteFileError
    precomputed = try_single_pass(source, policy, budget) if plan and all_frames else None
    return (precomputed.index if precomputed else read_index(source, budget, policy)), precomputed


def choose_frames(
    source: DecoderInput,
    index: VideoIndex,
    precomputed: SinglePass | None,
    policy: SamplingPolicy,
    budget: ProcessLimits,
    part: FrameSlice | None = None,
    *,
    plan: bool = True,
) -> FrameChoice:
    """Choose the frames of `source`, whose stream `index` has selected; of `part`, if only that is decoded.

    Raises:
        IncompleteFileError: The decode needs bytes of the file that are missing.
        SliceMismatchError: The video has another number of frames than when it was split.
        ExtractorError: The file cannot be decoded.
    """
    if source.present is not None:
        return _within_present(index, policy, part)
    if precomputed:
        return FrameChoice(index, precomputed.schedule, policy)
    found = find_scenes(source, index, policy, budget) if _scenes_first(index, policy) else None
    index = found.index if found else index
    schedule = _schedule(source, index, policy, found, budget)
    choice = FrameChoice(index, schedule, policy, found.scenes if found else None, plan)
    return most_distinct(source, choice, budget) if policy.keeps_distinct else choice


def _within_present(index: VideoIndex, policy: SamplingPolicy, part: FrameSlice | None) -> FrameChoice:
    """Choose the frames of a partial file.

    Raises:
        IncompleteFileError: The decode needs packets that are missing.
        SliceMismatchError: See `extractor.pipeline.splitting.part_of`.
    """
    tables = index.tables
    if tables is None or needs_times(index, policy):
        raise IncompleteFileError
    if not needs_only_planned(policy):
        raise IncompleteFileError
    plan = schedule_of(index, policy, part).plan
    if plan is None or not tables.suffices(plan.kept):
        raise IncompleteFileError
    return FrameChoice(index, make_schedule(index, policy), policy)


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
