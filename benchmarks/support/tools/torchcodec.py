"""torchcodec: the frame that is displayed at each requested time, in its exact seek mode."""

from pathlib import Path

from PIL import Image
from torchcodec.decoders import VideoDecoder

from benchmarks.support.tools import Shot


def extract(video: Path, interval: float, out: Path) -> list[Shot]:
    decoder = VideoDecoder(str(video), dimension_order="NHWC", seek_mode="exact")
    first, end = decoder.metadata.begin_stream_seconds, decoder.metadata.end_stream_seconds
    shots: list[Shot] = []
    for place in range(int((end - first) / interval) + 1):
        asked = first + place * interval
        if asked >= end:
            break
        frame = decoder.get_frame_played_at(asked)
        file = f"{place:06d}.jpg"
        Image.fromarray(frame.data.numpy()).save(out / file, quality=95)
        shots.append(Shot(file, place * interval, float(frame.pts_seconds) - first))
    return shots
