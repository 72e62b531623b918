"""Which video stream of a file is meant. Pure.

Players show the stream that the container marks as default, and else the largest picture; so does FFmpeg
where nobody tells it which. Covers, thumbnails, parts of a still picture and streams without packets are no
videos.
"""

from collections.abc import Mapping, Sequence

from extractor.media.ffmpeg import formats
from extractor.media.ffmpeg.input_info import InputInfo, StreamInfo


def candidates(header: InputInfo) -> Sequence[StreamInfo]:
    """The video streams that may be meant; those that can be decoded, if there are any."""
    videos = [stream for stream in header.streams if not (stream.is_cover or stream.is_tile)]
    return [stream for stream in videos if stream.codec in formats.DECODERS] or videos


def choose(streams: Sequence[StreamInfo], packet_counts: Mapping[int, int]) -> StreamInfo:
    """The stream that is meant.

    Args:
        streams: The candidates; at least one.
        packet_counts: How many packets each of them has, by its number. A single packet is a still picture.
    """

    def rank(stream: StreamInfo) -> tuple[int, bool, int, int]:
        count = packet_counts.get(stream.index, 0)
        return min(count, 2), stream.is_default, stream.width * stream.height, -stream.index

    return max(streams, key=rank)
