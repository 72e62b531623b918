"""What a local video file holds, without decoding it."""

import os
from pathlib import Path
from typing import Any

from msgspec import Struct

from extractor.domain.frames import ClockChange
from extractor.domain.policy import SamplingPolicy
from extractor.media.probe.video_index import VideoIndex
from extractor.pipeline.local_frames import opened
from extractor.pipeline.selection import find_index

_FOR_KEYFRAMES = SamplingPolicy(strategy="keyframe")
"""The policy that asks for the least to be found out about the packets."""


class VideoInfo(Struct, frozen=True):
    """The video stream of a file that frames are taken from. What the manifest has, too, is called the same.

    Attributes:
        container: FFmpeg's name of the container's demuxer.
        stream: The number of the stream in the file.
        codec: FFmpeg's name of the codec.
        width: In pixels, before rotation.
        height: In pixels, before rotation.
        rotation_degrees: By how much the pictures are turned when they are shown.
        pixel_format: FFmpeg's name of the pixel format.
        hdr: ``pq``, ``hlg``, ``dolby-vision-<profile>``, or ``None`` for standard dynamic range.
        interlaced: Whether the header says that frames consist of two fields.
        matrix: The matrix of the colours; ``None`` for RGB and grey.
        matrix_assumed: Whether the file does not say which matrix that is.
        start_seconds: The container's own time of the first frame.
        duration_seconds: From the first frame to the end of the last one.
        expected_seconds: The same as the header promises it; more than that only if the file was cut off.
        truncated: Whether the file was cut off.
        frame_count: How many frames are shown.
        frame_rate: Frames per second, on average; 0 if the duration is unknown.
        packet_count: How many packets there are.
        keyframe_count: How many of them are keyframes.
        discontinuities: Where the clock of the file restarts or jumps.
        size_bytes: The size of the file.
        ffmpeg_version: The FFmpeg that was asked.
    """

    container: str
    stream: int
    codec: str
    width: int
    height: int
    rotation_degrees: float
    pixel_format: str
    hdr: str | None
    interlaced: bool
    matrix: str | None
    matrix_assumed: bool
    start_seconds: float
    duration_seconds: float
    expected_seconds: float
    truncated: bool
    frame_count: int
    frame_rate: float
    packet_count: int
    keyframe_count: int
    discontinuities: tuple[ClockChange, ...]
    size_bytes: int
    ffmpeg_version: str


def probe(video_path: str | os.PathLike[str]) -> VideoInfo:
    """Tell what a video file holds. All its packets are read, and none is decoded.

    Args:
        video_path: A file, or a pipe.

    Returns:
        The facts about the video stream that frames would be taken from.

    Raises:
        ExtractorError: The file holds no video that can be read; its ``reason`` is a stable code. See
            `extractor.errors`.

    Examples:
        >>> from extractor import probe
        >>> info = probe("holiday.mp4")
        >>> info.codec, info.width, info.height, info.duration_seconds, info.frame_rate
        ('h264', 320, 240, 5.0, 25.0)
        >>> info.packet_count, info.keyframe_count, info.hdr
        (125, 3, None)
    """
    with opened(Path(video_path)) as (source, budget):
        index, _ = find_index(source, _FOR_KEYFRAMES, budget, plan=False)
        return _info(index, source.path.stat().st_size)


def _info(index: VideoIndex, size_bytes: int) -> VideoInfo:
    own: dict[str, Any] = {
        "packet_count": len(index.packets),
        "keyframe_count": sum(index.packets.are_keyframes),
        "size_bytes": size_bytes,
    }
    shared = {name: getattr(index, name) for name in VideoInfo.__struct_fields__ if name not in own}
    return VideoInfo(**shared, **own)
