"""Measure what the extraction of clips takes, for the calculator of costs."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from benchmarks.support.clip_figures import ClipFigures, Figures
from benchmarks.support.cpu import cpu_seconds
from benchmarks.support.environment import describe_machine, describe_versions
from extractor.domain.frames import DecodeLimits
from extractor.domain.manifest import Manifest
from extractor.domain.policy import SamplingPolicy
from extractor.errors import ExtractorError
from extractor.pipeline.local import extract_to_folder, local_config


def measure_clips(videos: Sequence[Path]) -> Figures:
    """Extract each video once, with a frame every second, and return what it took.

    The process is warm: the first video is extracted once before. A video that cannot be extracted is
    reported on stderr and left out.
    """
    list(_measured(videos[:1]))
    return Figures(describe_machine(), describe_versions([]), tuple(_measured(videos)))


def _measured(videos: Sequence[Path]) -> Iterator[ClipFigures]:
    for video in videos:
        size = len(video.read_bytes())  # so that the disk is not measured
        start = cpu_seconds()
        try:
            manifest = _extract(video)
        except ExtractorError as error:
            print(f"{video.name}: left out: {error}", file=sys.stderr)
            continue
        taken = cpu_seconds() - start
        info = manifest.video
        print(f"{video.name}: {taken:.2f} CPU seconds", file=sys.stderr)
        yield ClipFigures(
            name=video.stem,
            codec=info.codec,
            width=info.width,
            height=info.height,
            seconds=round(info.duration_seconds, 3),
            cpu_seconds=round(taken, 3),
            frames=len(manifest.frames),
            image_bytes=sum(frame.size_bytes for frame in manifest.frames),
            video_bytes=size,
        )


def _extract(video: Path) -> Manifest:
    config = replace(local_config(), limits=DecodeLimits(threads=1))
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        return extract_to_folder(video, Path(directory, "frames"), SamplingPolicy(), config)
