"""`python -m benchmarks.decode_speed [VIDEO …]`: megapixels that a CPU decodes or encodes in a second.

Without videos, it measures the clips of `real_clips.py`. The decode is FFmpeg's alone, with one thread; the
images are what the frames take more as JPEGs of the default quality. Beside each codec stands the rate from
which the worker estimates how long a video takes (`extractor/media/decode/slices.py`). Prints Markdown.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from benchmarks.real_clips import REAL_CLIPS, fetch_clip
from benchmarks.support.child import run_well
from benchmarks.support.cpu import cpu_seconds
from benchmarks.support.environment import describe_machine, describe_versions
from benchmarks.support.tables import render_table
from extractor import iter_frames
from extractor.domain.policy import SamplingPolicy
from extractor.media.decode.slices import (
    DECODED_MEGAPIXELS,
    ENCODED_MEGAPIXELS,
    OTHER_DECODED_MEGAPIXELS,
)
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.probe.index import read_index
from extractor.pipeline.local_frames import opened


class Speed(Struct, frozen=True):
    """A clip, and its megapixels in a CPU second."""

    name: str
    codec: str
    size: str
    decoded: float
    encoded: float


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(argv)
    videos = options.videos or [fetch_clip(clip) for clip in REAL_CLIPS]
    speeds = []
    for video in videos:
        print(video.name, file=sys.stderr, flush=True)
        speeds.append(_speed(video, options.frames, options.repeat))
    print("\n".join(_report(sorted(speeds, key=lambda speed: (speed.codec, speed.decoded)))))
    return 0


def _speed(video: Path, most_frames: int, repeat: int) -> Speed:
    with opened(video) as (source, budget):
        index = read_index(source, budget, SamplingPolicy())
    frames = min(most_frames, index.frame_count)
    megapixels = frames * index.width * index.height / 1e6
    command = [find_ffmpeg(), "-v", "error", "-nostdin", "-threads", "1", "-i", str(video)]
    command += ["-map", f"0:{index.stream}", "-fps_mode", "passthrough"]
    command += ["-frames:v", str(frames), "-f", "null", "-"]
    decode = min(run_well(command).cpu_seconds for _ in range(repeat))
    images = min(_extraction_seconds(video, frames) for _ in range(repeat)) - decode
    return Speed(
        video.name,
        index.codec,
        f"{index.width} × {index.height}",
        megapixels / decode,
        megapixels / max(images, 1e-9),
    )


def _extraction_seconds(video: Path, frames: int) -> float:
    """Return the CPU seconds of the extraction of the first frames."""
    before = cpu_seconds()
    for _ in iter_frames(video, every_n_frames=1, max_frames=frames):
        pass
    return cpu_seconds() - before


def _report(speeds: Sequence[Speed]) -> Iterator[str]:
    yield f"{describe_machine()}. {describe_versions([])}.\n"
    heads = ["clip", "codec", "size", "decoded MP/s", "estimate", "÷", "images MP/s", "estimate", "÷"]
    yield render_table(heads, [_row(speed) for speed in speeds])


def _row(speed: Speed) -> Sequence[str]:
    pairs = (
        (speed.decoded, DECODED_MEGAPIXELS.get(speed.codec, OTHER_DECODED_MEGAPIXELS)),
        (speed.encoded, ENCODED_MEGAPIXELS),
    )
    cells = [
        cell
        for measured, estimate in pairs
        for cell in (f"{measured:.0f}", f"{estimate:g}", f"{measured / estimate:.1f}")
    ]
    return [speed.name, speed.codec, speed.size, *cells]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decode_speed", description=__doc__)
    parser.add_argument("videos", nargs="*", type=Path, metavar="VIDEO", help="default: the real clips")
    parser.add_argument(
        "--frames", type=int, default=300, metavar="N", help="the first ones of each (default: 300)"
    )
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="least of N runs (default: 3)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
