"""What every way of decoding shares: from an image to a frame, and from the end of FFmpeg to a verdict."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import imagesize
from msgspec import Struct
from msgspec.structs import replace

from extractor.domain.frames import DecodeLimits, Frame, FrameMetrics, Scene
from extractor.domain.policy import SamplingPolicy
from extractor.errors import TooLargeError, UnreadableError
from extractor.media.decode import exit_check
from extractor.media.ffmpeg import filters
from extractor.media.ffmpeg.command import DecoderInput
from extractor.media.ffmpeg.filters import SignalFormat
from extractor.media.ffmpeg.frame_stream import EncodedImage, Timestamp, images
from extractor.media.ffmpeg.log import ErrorFloodError
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import FFmpegProcess
from extractor.media.probe.index import VideoIndex

_UNFIT = r"Error reinitializing filters|Error while filtering|Impossible to convert between the formats"
"""What FFmpeg says where the filters do not take the frames."""


class DecodeAgainError(Exception):
    """The frames of this decode must not be used: everything must be decoded, and `picture`, if it is given,
    is what filters must know of the frames."""

    def __init__(self, picture: SignalFormat | None = None) -> None:
        super().__init__(picture)
        self.picture = picture


class DecodeSession(Struct):
    """One decode of a video. `decoded_seconds`, `decode_errors` and `scenes` are known at its end, and
    `unordered`: where everything is decoded, how many frames came with a time that does not ascend."""

    source: DecoderInput
    index: VideoIndex
    policy: SamplingPolicy
    budget: ProcessLimits
    scenes: tuple[Scene, ...] | None = None
    decoded_seconds: float = 0.0
    decode_errors: int = 0
    unordered: int = 0
    count: int = 0
    _bytes: int = 0

    @property
    def pipes(self) -> tuple[str, ...]:
        """What is read beside stdout, besides what a way of decoding has of its own."""
        measures = ("measures",) if self.policy.needs_measures else ()
        return ("images", *measures, *watched_pipes(self.index.picture))

    def texts(self, packet_filter: str) -> Mapping[str, str]:
        """What FFmpeg reads to drop packets, after their times are corrected."""
        correction = self.source.correction
        return {"packets": f"{correction},{packet_filter}" if correction else packet_filter}

    @property
    def start(self) -> Timestamp:
        """The video's first frame, as the index has it."""
        return Timestamp(self.index.first_pts or 0, self.index.time_base)

    def images(self, child: FFmpegProcess) -> Iterator[EncodedImage]:
        return images(child, filters.GREY_SIDE**2 if self.policy.needs_measures else 0)

    def frame(self, image: EncodedImage, slot: int, start: Timestamp) -> Frame:
        """The next frame. Raises `TooLargeError` if that is one too many."""
        width, height = imagesize.get(io.BytesIO(image.data))
        frame = Frame(
            index=self.count,
            slot=slot,
            pts_seconds=offset_seconds(image.moment, start),
            data=image.data,
            width=width,
            height=height,
            measures=_measures(image),
        )
        self.count += 1
        self._bytes += len(image.data)
        limits = self.source.limits
        if self.count > limits.max_frames or self._bytes > limits.max_frames_bytes:
            raise TooLargeError("the frames of this video pass MAX_FRAMES_CEILING or MAX_FRAMES_MB")
        return frame

    def seconds_until(self, last: Timestamp, start: Timestamp) -> float:
        """From the first to the end of the last decoded frame, whose own length is known only if it is
        the video's last; otherwise the average is taken."""
        if self.index.shown_pts and last.pts >= self.index.shown_pts[-1]:
            return self.index.duration_seconds
        seconds = offset_seconds(last, start)
        return seconds + (1 / self.index.frame_rate if self.index.frame_rate else 0.0)

    def raise_for_status(self, child: FFmpegProcess) -> None:
        """Wait for the end of `child`. Raises the `ExtractorError` that forbids to use the frames, or
        `DecodeAgainError`."""
        status = wait(child, self.index.picture)
        self.decode_errors = child.stderr.decode_errors
        objection = exit_check.check_decode(
            exit_check.DecodeResult(
                status=status,
                images=self.count,
                decode_errors=self.decode_errors,
                expected_frames=self.index.frame_count,
                decoded_seconds=self.decoded_seconds,
                expected_seconds=self.index.duration_seconds if self.index.shown_pts else 0.0,
                out_of_memory=child.stderr.out_of_memory,
                words=child.stderr.words,
            ),
            self.source.limits,
        )
        if objection:
            raise objection


@contextmanager
def limited_damage(child: FFmpegProcess, index: VideoIndex, limits: DecodeLimits) -> Iterator[None]:
    """End a decode as soon as more frames are damaged than are allowed.

    Raises:
        UnreadableError: They are damaged.
        TooLargeError: They are not: FFmpeg had no memory for them.
    """
    child.stderr.damage_limit = exit_check.damage_limit(index.frame_count, limits)
    try:
        yield
    except ErrorFloodError as flood:
        said = flood.said
        if said.out_of_memory:
            raise exit_check.no_memory() from flood
        raise UnreadableError(
            f"at least {said.decode_errors} of {index.frame_count} frames are damaged: {said.words}"
        ) from flood


def watched_pipes(picture: SignalFormat) -> tuple[str, ...]:
    """The pipe that tells of interlaced frames, where none are expected."""
    return () if picture.interlaced else ("interlaced",)


def check_fields(child: FFmpegProcess, picture: SignalFormat) -> None:
    """Raises `DecodeAgainError` if an interlaced frame was met that was not expected. Does not wait."""
    if not picture.interlaced and child.arrived("interlaced"):
        raise DecodeAgainError(replace(picture, interlaced=True))


def wait(child: FFmpegProcess, picture: SignalFormat) -> int:
    """Read everything that is left and return the exit status. Raises `DecodeAgainError` if the frames were
    not as `picture` has them."""
    if not picture.interlaced and child.line("interlaced") is not None:
        raise DecodeAgainError(replace(picture, interlaced=True))
    status = child.wait()
    if status > 0 and not picture.is_careful and child.stderr.matches(_UNFIT):
        raise DecodeAgainError(replace(picture, is_careful=True))
    return status


def offset_seconds(moment: Timestamp, start: Timestamp) -> float:
    return float((moment.pts - start.pts) * start.time_base)


def _measures(image: EncodedImage) -> FrameMetrics | None:
    if image.grey is None:
        return None
    from extractor.media.metrics import measure  # numpy, for those who measure

    return measure(image.grey)
