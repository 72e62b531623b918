"""Decode all frames, and select by the timestamps of the decoder."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from extractor.domain.frames import Frame
from extractor.errors import UnreadableError
from extractor.media.decode.session import (
    DecodeAgainError,
    DecodeSession,
    abort_on_damage,
    check_interlacing,
    offset_seconds,
)
from extractor.media.ffmpeg import command
from extractor.media.ffmpeg.command import Urls
from extractor.media.ffmpeg.expressions import FrameSelection, select_expression
from extractor.media.ffmpeg.frame_stream import EncodedImage, FirstFrameMismatchError, Timestamp, timestamps
from extractor.media.ffmpeg.process import run_ffmpeg
from extractor.media.probe.table_index import UnconfirmedIndexError
from extractor.media.sampling import SampleMatcher
from extractor.media.scenes.finder import SceneFinder


def full_frames(
    session: DecodeSession, selection: FrameSelection, finder: SceneFinder | None
) -> Iterator[Frame]:
    """Decode all frames and yield the selected ones.

    Args:
        session: The decode session.
        selection: The frames to select.
        finder: Finds scenes in all frames; ``None`` if no scenes are requested.

    Raises:
        DecodeAgainError: The frames must be decoded with another signal format.
        UnconfirmedIndexError: The index was predicted and is wrong. No frame was yielded.
        ExtractorError: The video cannot be decoded.
    """
    try:
        yield from _frames_from(session, selection, finder)
    except FirstFrameMismatchError as mismatch:
        start = mismatch.start
        moved = replace(selection, time_base=start.time_base, first_pts=start.pts)
        yield from _frames_from(session, moved, finder)


def _frames_from(
    session: DecodeSession, selection: FrameSelection, finder: SceneFinder | None
) -> Iterator[Frame]:
    """Yield the selected frames.

    Raises:
        FirstFrameMismatchError: Before the first frame: its timestamp is not that of the selection.
    """
    scene_filters = finder.spec.filters if finder else None

    def build(urls: Urls) -> Sequence[str]:
        return command.build_full(
            session.source,
            session.index.picture,
            session.policy,
            urls,
            scene_filters,
            describes_input=session.index.is_predicted,
        )

    pipes = (*session.pipes, "frames", *(("scenes",) if finder else ()))
    max_frames = selection.max_frames
    start = last = None
    texts = {"selection": select_expression(selection)}
    with (
        run_ffmpeg(build, pipes, session.budget, texts) as child,
        abort_on_damage(child, session.index, session.source.limits),
    ):
        pictures = session.images(child)
        for timestamp in timestamps(child, finder.read if finder else None):
            if session.index.is_predicted and not (
                session.confirm(child) and (finder is None or finder.suits(session.index))
            ):
                raise DecodeAgainError(session.index.picture)
            check_interlacing(child, session.index.picture)
            if start is None:
                start, matcher = timestamp, _start_matcher(timestamp, selection)
            elif last and timestamp.pts <= last.pts:
                session.unordered += 1
            last = timestamp
            if finder:
                finder.feed(offset_seconds(timestamp, start))
            if session.count == max_frames:
                continue  # the rest is decoded only for its scenes
            slot = matcher.match(timestamp.pts)
            if slot is None:
                continue
            image = _find_image(timestamp, pictures)
            if image is None:  # usually the exit status gives the reason
                session.raise_for_status(child)
                raise UnreadableError("FFmpeg ended before it had written all images")
            yield session.frame(image, slot, start)
            if session.count == max_frames and finder is None:
                break
        if session.index.is_predicted:  # without a frame, the index by FFmpeg gives the reason
            raise UnconfirmedIndexError
        if start and last:
            session.decoded_seconds = session.seconds_until(last, start)
        if finder or session.count != max_frames:
            session.raise_for_status(child)
        session.scenes = finder.scenes(session.decoded_seconds) if finder else None


def _start_matcher(start: Timestamp, selection: FrameSelection) -> SampleMatcher:
    expected, time_base = selection.first_pts, selection.time_base
    if expected is not None and time_base is not None and start != Timestamp(expected, time_base):
        raise FirstFrameMismatchError(start)
    return SampleMatcher(start.pts, start.time_base, selection.sample_times)


def _find_image(timestamp: Timestamp, pictures: Iterator[EncodedImage]) -> EncodedImage | None:
    """Return the image of a frame; ``None`` if FFmpeg ended before.

    FFmpeg may write other images first: when the frame size changes, its select filter is reset and selects
    the next frame as if it were the first.
    """
    return next((image for image in pictures if image.timestamp == timestamp), None)
