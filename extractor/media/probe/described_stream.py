"""Describe a video stream by the sample entry of its container, as FFmpeg probably will. Pure."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from extractor.media.container.sample_table import ColourTags, SampleTable, UnsupportedTablesError
from extractor.media.ffmpeg.input_info import UNKNOWN, StreamInfo
from extractor.media.references.h264_parameters import SequenceParameters, parse_sequence_parameters
from extractor.media.references.hevc_parameters import reordered_frames

_H264_BASELINE: Final = 66
_MATRICES: Final[Mapping[int | None, str]] = {
    1: "bt709",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    9: "bt2020nc",
}
_PRIMARIES: Final[Mapping[int | None, str]] = {
    1: "bt709",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    9: "bt2020",
    12: "smpte432",
}
_TRANSFERS: Final[Mapping[int | None, str]] = {
    1: "bt709",
    6: "smpte170m",
    16: "smpte2084",
    18: "arib-std-b67",
}
"""FFmpeg's names of some numbers of ISO/IEC 23091-2."""


class DescribedStream(Struct, frozen=True):
    """A stream.

    Attributes:
        stream: The stream, as far as its container describes it.
        delay: The most packets that follow a packet in presentation order, and precede it in decode order;
            ``None`` if unknown.
    """

    stream: StreamInfo
    delay: int | None


def describe(table: SampleTable) -> DescribedStream:
    """Describe the stream of a table.

    Raises:
        UnsupportedTablesError: It may be interlaced.
        UnsupportedBitstreamError: The sequence parameter set is damaged.
    """
    entry, colours, profile = table.entry, table.entry.colours, ""
    delay: int | None = 0
    if entry.codec == "h264":
        parameters = _sequence_parameters(entry.configuration)
        if parameters.may_be_interlaced:
            raise UnsupportedTablesError
        is_baseline = parameters.profile == _H264_BASELINE
        profile = "Baseline" if is_baseline else ""
        delay = 0 if is_baseline else parameters.reordered_frames
        if parameters.matrix is not None:
            colours = ColourTags(parameters.primaries, parameters.transfer, parameters.matrix)
    elif entry.codec == "hevc" and not table.dts:
        delay = reordered_frames(entry.configuration)
    stream = StreamInfo(
        table.stream,
        entry.codec,
        profile=profile,
        width=entry.width,
        height=entry.height,
        pixel_format="yuv420p",
        matrix=_MATRICES.get(colours.matrix, UNKNOWN),
        primaries=_PRIMARIES.get(colours.primaries, UNKNOWN),
        transfer_name=_TRANSFERS.get(colours.transfer, UNKNOWN),
    )
    return DescribedStream(stream, delay)


def _sequence_parameters(configuration: bytes) -> SequenceParameters:
    length = int.from_bytes(configuration[6:8], "big")
    if not configuration[5] & 31:
        raise UnsupportedTablesError
    return parse_sequence_parameters(configuration[8 : 8 + length])
