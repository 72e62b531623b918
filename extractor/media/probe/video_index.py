"""Describe the selected video stream of a file. Pure."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import islice
from operator import eq, gt
from typing import ClassVar

from msgspec.structs import replace

from extractor.domain.frames import ClockChange
from extractor.domain.values import ValueWithLargeFields
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.filters import SignalFormat
from extractor.media.ffmpeg.packets import PacketTable
from extractor.media.probe.table_scan import TableScan
from extractor.media.references.required_packets import DecodeOrder

_FREE_CLOCKS = frozenset({"mpegts", "mpeg", "flv", "asf"})
"""Containers whose clock starts anywhere: those of broadcasts."""


class VideoIndex(ValueWithLargeFields, frozen=True):
    """The selected video stream of a file.

    Attributes:
        ffmpeg_version: The version of FFmpeg.
        container: FFmpeg's name of the demuxer.
        stream: The number of the stream in the file.
        codec: FFmpeg's name of the codec.
        width: In pixels, before rotation.
        height: Likewise.
        rotation_degrees: The rotation by the display matrix, counter-clockwise.
        hdr: ``pq``, ``hlg`` or ``dolby-vision-<profile>``; ``None`` for standard dynamic range.
        pixel_format: FFmpeg's name of the pixel format.
        picture: The signal format of the frames, which determines the filters.
        packets: All packets, with corrected timestamps.
        order: The role of each packet for the decoder; ``None`` if not known for certain.
        shown_pts: The pts of all shown frames, ascending; empty if the packets have no usable pts.
        frame_count: The number of shown frames.
        duration_seconds: From the first frame to the end of the last one.
        expected_seconds: The duration of the complete file; more than `duration_seconds` only if the file is
            truncated.
        claimed_seconds: The duration in the header, if it exceeds that of all streams although the file is
            not truncated.
        truncated: Whether the file is truncated.
        unread_bytes: The size of a file that is appended to this one, which FFmpeg does not read.
        discontinuities: Where the clock of the file restarts or jumps.
        correction: The bitstream filter that corrects the timestamps at discontinuities.
        container_start_seconds: The first timestamp of any stream, uncorrected.
        tables: The tables that the index was predicted from; ``None`` once FFmpeg has described the file.
        from_tables: Whether the packets were read by this project, and not listed by FFmpeg.
    """

    large_fields: ClassVar = frozenset({"packets", "order", "shown_pts", "tables"})

    ffmpeg_version: str
    container: str
    stream: int
    codec: str
    width: int
    height: int
    rotation_degrees: float
    hdr: str | None
    pixel_format: str
    picture: SignalFormat
    packets: PacketTable
    order: DecodeOrder | None
    shown_pts: Sequence[int]
    frame_count: int
    duration_seconds: float
    expected_seconds: float
    claimed_seconds: float | None
    truncated: bool
    discontinuities: tuple[ClockChange, ...] = ()
    correction: str | None = None
    container_start_seconds: float = 0.0
    unread_bytes: int = 0
    tables: TableScan | None = None
    from_tables: bool = False

    @property
    def is_predicted(self) -> bool:
        """Whether FFmpeg has not described the file yet."""
        return self.tables is not None

    @property
    def time_base(self) -> Fraction:
        """The unit of all timestamps, in seconds."""
        return self.packets.time_base

    @property
    def first_pts(self) -> int | None:
        """The pts of the first shown frame; ``None`` if unknown."""
        return self.shown_pts[0] if self.shown_pts else None

    @property
    def start_seconds(self) -> float:
        """The timestamp of the first shown frame; 0 if unknown."""
        return float((self.first_pts or 0) * self.time_base)

    @property
    def played_seconds(self) -> tuple[float, float]:
        """When players show the first frame, and the end of the video.

        Players count from 0 in most containers, and from the first packet in those with a free clock.
        """
        origin = self.container_start_seconds if self.container in _FREE_CLOCKS else 0.0
        start = max(0.0, self.start_seconds - origin)
        return start, start + self.duration_seconds

    @property
    def frames_with_shared_times(self) -> int:
        """The number of frames with the same pts as the frame before. They cannot be selected."""
        return sum(map(eq, self.shown_pts, islice(self.shown_pts, 1, None)))

    @property
    def frame_rate(self) -> float:
        """The average number of frames per second; 0 if the duration is unknown."""
        return self.frame_count / self.duration_seconds if self.duration_seconds > 0 else 0.0

    @property
    def matrix(self) -> str | None:
        """The colour matrix that is applied; ``None`` for formats without chroma planes."""
        return self.picture.colours.matrix

    @property
    def matrix_assumed(self) -> bool:
        """Whether `matrix` is a default, because the file has no usable tag."""
        return self.picture.colours.is_assumed

    @property
    def interlaced(self) -> bool:
        """Whether the header, or any decoded frame, is flagged as interlaced."""
        return self.picture.interlaced

    @property
    def has_parameters_between_keyframes(self) -> bool:
        """Whether a packet that is not a keyframe carries new parameter sets."""
        return any(map(gt, self.packets.have_new_parameters, self.packets.are_keyframes))

    def select(self, source: DecoderInput) -> DecoderInput:
        """Return the input with this stream selected and its timestamps corrected."""
        return replace(source, stream=str(self.stream), correction=self.correction)
