"""torchcodec on the CPU: the frames that are displayed at the requested times, in exact mode."""

from pathlib import Path

from PIL import Image
from torchcodec.decoders import VideoDecoder

from benchmarks.support.tools import Shot

_AT_ONCE = 16


def extract(video: Path, interval: float, out: Path) -> list[Shot]:
    decoder = VideoDecoder(str(video), dimension_order="NHWC", seek_mode="exact")
    first, end = decoder.metadata.begin_stream_seconds, decoder.metadata.end_stream_seconds
    places = range(int((end - first) / interval) + 1)
    times = [first + place * interval for place in places if first + place * interval < end]
    shots: list[Shot] = []
    for start in range(0, len(times), _AT_ONCE):
        frames = decoder.get_frames_played_at(times[start : start + _AT_ONCE])
        for picture, seconds in zip(frames.data.numpy(), frames.pts_seconds.tolist(), strict=True):
            file = f"{len(shots):06d}.jpg"
            Image.fromarray(picture).save(out / file, quality=95)
            shots.append(Shot(file, len(shots) * interval, seconds - first))
    return shots
