"""The common parts of all decodes: build frames from images, and check how FFmpeg ended."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from msgspec import Struct
from msgspec.structs import replace

from extractor.domain.frames import DecodeLimits, Frame, FrameMetrics, Scene
from extractor.domain.policy import SamplingPolicy
from extractor.errors import TooLargeError, UnreadableError
from extractor.media.decode import exit_check
from extractor.media.ffmpeg import filters
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.filters import SignalFormat, have_same_filters
from extractor.media.ffmpeg.frame_stream import EncodedImage, Timestamp, images
from extractor.media.ffmpeg.image_formats import FORMATS
from extractor.media.ffmpeg.log import ErrorFloodError
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import FFmpegProcess
from extractor.media.probe.table_index import confirm_index
from extractor.media.probe.video_index import VideoIndex

_UNFIT = r"Error reinitializing filters|Error while filtering|Impossible to convert between the formats"
"""FFmpeg's messages about filters that do not accept the frames."""


class DecodeAgainError(Exception):
    """The frames of a decode must not be used: all packets must be decoded again.

    Attributes:
        picture: The actual signal format of the frames; ``None`` if it was right.
    """

    def __init__(self, picture: SignalFormat | None = None) -> None:
        super().__init__(picture)
        self.picture = picture


class DecodeSession(Struct):
    """The state of one decode of a video.

    Attributes:
        source: The file and its stream.
        index: The index of the video.
        policy: The sampling policy.
        budget: The limits of FFmpeg.
        scenes: The scenes, known at the end.
        decoded_seconds: The duration that was decoded, known at the end.
        decode_errors: The number of packets or frames reported as damaged, known at the end.
        unordered: In a full decode, the number of frames whose timestamp does not ascend.
        count: The number of frames so far.
    """

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
        """The pipes that all decodes with images read, beside stdout."""
        measures = ("measures",) if self.policy.needs_measures else ()
        return ("images", *measures, *interlace_pipes(self.index.picture))

    def texts(self, packet_filter: str) -> Mapping[str, str]:
        """Return the text ``packets``: the bitstream filter, after the correction of timestamps.

        Args:
            packet_filter: The bitstream filter that drops packets.
        """
        correction = self.source.correction
        return {"packets": f"{correction},{packet_filter}" if correction else packet_filter}

    def confirm(self, child: FFmpegProcess) -> bool:
        """Replace a predicted index by the one that follows from FFmpeg's description of the file.

        Args:
            child: The running FFmpeg, which decodes the frames of the predicted index.

        Returns:
            Whether its filters suit the frames.

        Raises:
            UnconfirmedIndexError: The predicted index is wrong.
        """
        assumed = self.index.picture
        self.index = confirm_index(self.index, child.stderr, self.source, self.budget)
        return assumed == self.index.picture or have_same_filters(assumed, self.index.picture)

    @property
    def start(self) -> Timestamp:
        """The timestamp of the first frame by the index."""
        return Timestamp(self.index.first_pts or 0, self.index.time_base)

    def images(self, child: FFmpegProcess) -> Iterator[EncodedImage]:
        """Yield the images of the running FFmpeg."""
        return images(child, filters.GREY_SIDE**2 if self.policy.needs_measures else 0)

    def frame(self, image: EncodedImage, slot: int, start: Timestamp) -> Frame:
        """Build the next frame from an image.

        Args:
            image: The image.
            slot: The number of the sample time of the frame.
            start: The timestamp of the first frame of the video.

        Raises:
            TooLargeError: The number or the total size of the frames exceeds its limit.
        """
        width, height = FORMATS[self.policy.image_format].read_size(image.data)
        frame = Frame(
            index=self.count,
            slot=slot,
            pts_seconds=offset_seconds(image.timestamp, start),
            data=image.data,
            width=width,
            height=height,
            measures=_measures(image),
        )
        self.count += 1
        self._bytes += len(image.data)
        limits = self.source.limits
        if self.count > limits.max_frames or self._bytes > limits.max_frames_bytes:
            raise TooLargeError("the frames of this video exceed MAX_FRAMES_CEILING or MAX_FRAMES_MB")
        return frame

    def seconds_until(self, last: Timestamp, start: Timestamp) -> float:
        """Return the seconds from the first frame to the end of the last decoded frame.

        The duration of the last decoded frame is known if it is the last of the video; otherwise it is the
        average.

        Args:
            last: The timestamp of the last decoded frame.
            start: The timestamp of the first frame.
        """
        if self.index.shown_pts and last.pts >= self.index.shown_pts[-1]:
            return self.index.duration_seconds
        seconds = offset_seconds(last, start)
        return seconds + (1 / self.index.frame_rate if self.index.frame_rate else 0.0)

    def raise_for_status(self, child: FFmpegProcess) -> None:
        """Wait for the end of FFmpeg, and check whether the frames may be used.

        Args:
            child: The running FFmpeg.

        Raises:
            DecodeAgainError: The frames must be decoded with another signal format.
            ExtractorError: The frames must not be used.
        """
        status = wait(child, self.index.picture)
        self.decode_errors = child.stderr.decode_errors
        error = exit_check.check_decode(
            exit_check.DecodeResult(
                status=status,
                images=self.count,
                decode_errors=self.decode_errors,
                expected_frames=self.index.frame_count,
                decoded_seconds=self.decoded_seconds,
                expected_seconds=self.index.duration_seconds if self.index.shown_pts else 0.0,
                out_of_memory=child.stderr.out_of_memory,
                summary=child.stderr.summary,
            ),
            self.source.limits,
        )
        if error:
            raise error


@contextmanager
def abort_on_damage(child: FFmpegProcess, index: VideoIndex, limits: DecodeLimits) -> Iterator[None]:
    """Abort a decode when more frames are damaged than allowed.

    Args:
        child: The running FFmpeg.
        index: The index of the video.
        limits: The limits of decoding.

    Raises:
        UnreadableError: Too many frames are damaged.
        TooLargeError: FFmpeg ran out of memory.
    """
    child.stderr.damage_limit = exit_check.damage_limit(index.frame_count, limits)
    try:
        yield
    except ErrorFloodError as flood:
        log = flood.log
        if log.out_of_memory:
            raise exit_check.no_memory() from flood
        raise UnreadableError(
            f"at least {log.decode_errors} of {index.frame_count} frames are damaged: {log.summary}"
        ) from flood


def interlace_pipes(picture: SignalFormat) -> tuple[str, ...]:
    """Return the pipe that reports interlaced frames, if none are expected.

    Args:
        picture: The signal format that the filters assume.
    """
    return () if picture.interlaced else ("interlaced",)


def check_interlacing(child: FFmpegProcess, picture: SignalFormat) -> None:
    """Check for unexpected interlaced frames, without waiting.

    Args:
        child: The running FFmpeg.
        picture: The signal format that its filters assume.

    Raises:
        DecodeAgainError: There was an interlaced frame.
    """
    if not picture.interlaced and child.has_unread("interlaced"):
        raise DecodeAgainError(replace(picture, interlaced=True))


def wait(child: FFmpegProcess, picture: SignalFormat) -> int:
    """Wait for the end of FFmpeg.

    Args:
        child: The running FFmpeg.
        picture: The signal format that its filters assume.

    Returns:
        The exit status of FFmpeg; -N if signal N ended it.

    Raises:
        DecodeAgainError: The frames have another signal format.
    """
    if not picture.interlaced and child.line("interlaced") is not None:
        raise DecodeAgainError(replace(picture, interlaced=True))
    status = child.wait()
    if status > 0 and not picture.changes_midway and child.stderr.matches(_UNFIT):
        raise DecodeAgainError(replace(picture, changes_midway=True))
    return status


def offset_seconds(timestamp: Timestamp, start: Timestamp) -> float:
    """Return the seconds from `start` to `timestamp`."""
    ticks, unit = timestamp.pts - start.pts, start.time_base
    return ticks * unit.numerator / unit.denominator  # rounded once, like a Fraction, in a tenth of its time


def _measures(image: EncodedImage) -> FrameMetrics | None:
    if image.grey is None:
        return None
    from extractor.media.metrics import measure  # imports numpy

    return measure(image.grey)
