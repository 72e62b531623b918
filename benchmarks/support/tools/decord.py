"""decord: frames by number, in small batches, with the timestamps that it reports."""

from collections.abc import Sequence
from pathlib import Path

import decord
from PIL import Image

from benchmarks.support.tools import Shot

_AT_ONCE = 16


def extract(video: Path, interval: float, out: Path) -> list[Shot]:
    reader = decord.VideoReader(str(video))
    step = interval * reader.get_avg_fps()
    numbers = [round(place * step) for place in range(int((len(reader) - 1) / step) + 1)]
    return _write(reader, numbers, [place * interval for place in range(len(numbers))], out)


def keyframes(video: Path, interval: float, out: Path) -> list[Shot]:  # noqa: ARG001 - it goes by keyframe
    reader = decord.VideoReader(str(video))
    numbers = [int(number) for number in reader.get_key_indices()]
    return _write(reader, numbers, [None] * len(numbers), out)


def _write(
    reader: "decord.VideoReader", numbers: Sequence[int], asked: Sequence[float | None], out: Path
) -> list[Shot]:
    first = float(reader.get_frame_timestamp(0)[0])
    shots: list[Shot] = []
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        for number, picture in zip(some, reader.get_batch(some).asnumpy(), strict=True):
            file = f"{len(shots):06d}.jpg"
            Image.fromarray(picture).save(out / file, quality=95)
            claimed = float(reader.get_frame_timestamp(number)[0]) - first
            shots.append(Shot(file, asked[len(shots)], claimed))
    return shots
