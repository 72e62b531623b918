"""Decoding everything, and taking what is wanted by the decoder's own times."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from extractor.domain.frames import Frame
from extractor.errors import UnreadableError
from extractor.media.decode.session import DecodeSession, check_fields, limited_damage, offset_seconds
from extractor.media.ffmpeg import command
from extractor.media.ffmpeg.command import Urls
from extractor.media.ffmpeg.expressions import FrameSelection, select_expression
from extractor.media.ffmpeg.frame_stream import EncodedImage, FirstFrameMismatchError, Timestamp, timestamps
from extractor.media.ffmpeg.process import run_ffmpeg
from extractor.media.sampling import SampleMatcher
from extractor.media.scenes.finder import SceneFinder


def full_frames(
    decode: DecodeSession, selection: FrameSelection, watch: SceneFinder | None
) -> Iterator[Frame]:
    """The frames of the selection; with a `watch`, every frame is looked at for scenes."""
    try:
        yield from _frames_from(decode, selection, watch)
    except FirstFrameMismatchError as found:
        start = found.start
        moved = replace(selection, time_base=start.time_base, first_pts=start.pts)
        yield from _frames_from(decode, moved, watch)


def _frames_from(
    decode: DecodeSession, selection: FrameSelection, watch: SceneFinder | None
) -> Iterator[Frame]:
    """Raises `FirstFrameMismatchError`, before the first frame, if the decoder starts elsewhere."""
    small = watch.stream.filters if watch else None

    def build(urls: Urls) -> Sequence[str]:
        return command.build_full(decode.source, decode.index.picture, decode.policy, urls, small)

    pipes = (*decode.pipes, "frames", *(("scenes",) if watch else ()))
    most = selection.most
    start = last = None
    texts = {"selection": select_expression(selection)}
    with (
        run_ffmpeg(build, pipes, decode.budget, texts) as child,
        limited_damage(child, decode.index, decode.source.limits),
    ):
        pictures = decode.images(child)
        for moment in timestamps(child):
            check_fields(child, decode.index.picture)
            if start is None:
                start, clock = moment, _started_clock(moment, selection)
            elif last and moment.pts <= last.pts:
                decode.unordered += 1
            last = moment
            if watch:
                watch.see(child, offset_seconds(moment, start))
            if decode.count == most:
                continue  # the rest of the video is only of interest for its scenes
            slot = clock.match(moment.pts)
            if slot is None:
                continue
            image = _image_at(moment, pictures)
            if image is None:  # its exit status should tell why
                decode.raise_for_status(child)
                raise UnreadableError("FFmpeg ended before it had made all images")
            yield decode.frame(image, slot, start)
            if decode.count == most and watch is None:
                break
        if start and last:
            decode.decoded_seconds = decode.seconds_until(last, start)
        if watch or decode.count != most:
            decode.raise_for_status(child)
        decode.scenes = watch.scenes(decode.decoded_seconds) if watch else None


def _started_clock(start: Timestamp, selection: FrameSelection) -> SampleMatcher:
    expected, time_base = selection.first_pts, selection.time_base
    if expected is not None and time_base is not None and start != Timestamp(expected, time_base):
        raise FirstFrameMismatchError(start)
    return SampleMatcher(start.pts, start.time_base, selection.instants)


def _image_at(moment: Timestamp, pictures: Iterator[EncodedImage]) -> EncodedImage | None:
    """The image of that frame, unless FFmpeg ended before. It may send others first: when the size of
    the picture changes midway it forgets the frame before, and takes the next one for the first."""
    return next((image for image in pictures if image.moment == moment), None)
