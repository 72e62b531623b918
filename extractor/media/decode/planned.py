"""Decode only the packets of a decode plan, or the keyframes of a video without timestamps."""

import sys
from collections.abc import Container, Iterator, Sequence
from operator import and_

from extractor.domain.frames import Frame
from extractor.errors import NoFramesError, UnreadableError
from extractor.media.decode.schedule import DecodePlan
from extractor.media.decode.session import (
    DecodeAgainError,
    DecodeSession,
    abort_on_damage,
    check_interlacing,
    wait,
)
from extractor.media.ffmpeg import command
from extractor.media.ffmpeg.command import Urls
from extractor.media.ffmpeg.expressions import select_expression
from extractor.media.ffmpeg.frame_stream import Timestamp
from extractor.media.ffmpeg.process import FFmpegProcess, run_ffmpeg
from extractor.media.frame_times import FrameTimes
from extractor.media.probe.table_index import UnconfirmedIndexError
from extractor.media.sampling import Targets, spread_evenly
from extractor.media.strategies import strategy_of


class PlanFailedError(DecodeAgainError):
    """The planned decode did not yield the frames of the plan."""


def planned_frames(session: DecodeSession, plan: DecodePlan) -> Iterator[Frame]:
    """Decode the packets of the plan and yield its targets.

    Args:
        session: The decode session.
        plan: The decode plan.

    Raises:
        DecodeAgainError: The frames must not be used, possibly raised after the last of them: all packets
            must be decoded.
        UnconfirmedIndexError: Likewise: the file must be indexed by FFmpeg, and decoded again.
    """

    def build(urls: Urls) -> Sequence[str]:
        return command.build_planned(
            session.source, picture, session.policy, urls, describes_input=session.index.is_predicted
        )

    start, picture = session.start, session.index.picture
    texts = {"selection": select_expression(plan.selection), **session.texts(plan.packets)}
    with run_ffmpeg(build, session.pipes, session.budget, texts) as child:
        for number, image in enumerate(session.images(child)):
            if session.index.is_predicted and not session.confirm(child):
                break
            check_interlacing(child, session.index.picture)
            if number >= len(plan.targets):
                continue  # a frame that is only a reference of others
            target = plan.targets[number]
            if image.timestamp != Timestamp(target.pts, start.time_base):
                raise _failure(session, child)
            yield session.frame(image, target.slot, start)
        else:
            _check_end(session, plan, child)
            return
    yield from planned_frames(session, plan)  # with the filters for the actual signal format


def _check_end(session: DecodeSession, plan: DecodePlan, child: FFmpegProcess) -> None:
    """Check that the decode has yielded all frames of the plan, and none of them is damaged.

    Raises:
        DecodeAgainError: The frames must not be used.
        UnconfirmedIndexError: Likewise.
    """
    status = wait(child, session.index.picture)
    # Error concealment depends on which frames were decoded before.
    if status != 0 or child.stderr.has_errors(plan.poc_anchors):
        raise PlanFailedError
    if session.count != len(plan.targets):
        raise _failure(session, child)
    session.decoded_seconds = session.index.duration_seconds


def _failure(session: DecodeSession, child: FFmpegProcess) -> Exception:
    """Return the error for other frames than those of the plan.

    Without damage, the index is to blame, except if pictures that are flagged as keyframes are none.
    """
    may_be_wrong = session.index.from_tables and not strategy_of(session.policy).intra_only
    return UnconfirmedIndexError() if may_be_wrong and not child.stderr.has_errors() else PlanFailedError()


def keyframes(session: DecodeSession) -> Iterator[Frame]:
    """Yield the keyframes of a video whose packets have no usable timestamps.

    All frames are decoded, since the decoder derives timestamps from the order of all frames.

    Args:
        session: The decode session.

    Raises:
        DecodeAgainError: The frames must be decoded with another signal format.
        ExtractorError: The video cannot be decoded.
    """

    def build(urls: Urls) -> Sequence[str]:
        return command.build_keyframes(session.source, session.index.picture, session.policy, urls)

    start = None if session.index.first_pts is None else session.start
    chosen = _chosen_keyframes(session)
    part = FrameTimes((0,), session.index.time_base, session.index.duration_seconds)
    first, end = part.start(session.policy), part.end(session.policy)
    with (
        run_ffmpeg(build, session.pipes, session.budget) as child,
        abort_on_damage(child, session.index, session.source.limits),
    ):
        for number, image in enumerate(session.images(child)):
            check_interlacing(child, session.index.picture)
            start = start or image.timestamp
            seconds = (image.timestamp.pts - start.pts) * start.time_base
            if number not in chosen or seconds < first:
                continue
            if session.policy.end_seconds is not None and seconds >= end:
                continue
            yield session.frame(image, number, start)
            if session.count == session.policy.max_frames:
                session.decoded_seconds = session.seconds_until(image.timestamp, start)
                return
        session.decoded_seconds = session.index.duration_seconds
        session.raise_for_status(child)
    if session.policy.takes_part and not session.count:
        raise NoFramesError("the video has no keyframe between the requested times")


def _chosen_keyframes(session: DecodeSession) -> Container[int]:
    """Return the numbers of the keyframes to extract. The packets tell how many keyframes there are.

    Raises:
        UnreadableError: Their times are needed to spread them over a part of the video.
    """
    policy, packets = session.policy, session.index.packets
    count = sum(map(and_, packets.are_keyframes, packets.are_shown))
    if policy.max_frames is None or policy.max_frames_mode == "first":
        return range(sys.maxsize)
    if policy.takes_part:
        raise UnreadableError("without timestamps, keyframes cannot be spread between start and end")
    return frozenset(spread_evenly(Targets(range(count), range(count)), policy.max_frames).slots)
