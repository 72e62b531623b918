"""Select the video stream of a file. Pure.

As in players and in FFmpeg by default, it is the stream that the container flags as default, else the one
with the largest frames. Cover art, thumbnails, parts of a still image and streams without packets are not
videos.
"""

from collections.abc import Mapping, Sequence

from extractor.media.ffmpeg import formats
from extractor.media.ffmpeg.input_info import InputInfo, StreamInfo


def candidates(input_info: InputInfo) -> Sequence[StreamInfo]:
    """Return the streams to choose from: those with an allowed codec, or all if there are none."""
    videos = [stream for stream in input_info.streams if not (stream.is_cover or stream.is_tile)]
    return [stream for stream in videos if stream.codec in formats.DECODERS] or videos


def choose(streams: Sequence[StreamInfo], packet_counts: Mapping[int, int]) -> StreamInfo:
    """Select one of the streams.

    Args:
        streams: The candidates; at least one.
        packet_counts: The number of packets of each stream, by stream number. A stream with a single packet
            is a still image.
    """

    def rank(stream: StreamInfo) -> tuple[int, bool, int, int]:
        count = packet_counts.get(stream.index, 0)
        return min(count, 2), stream.is_default, stream.width * stream.height, -stream.index

    return max(streams, key=rank)
