"""Extract frames from one long video in a separate process.

Started as `python -m benchmarks.support.long_video_run VIDEO CASE SECONDS OUT`. The result is one line of
JSON, the last of stdout."""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from benchmarks.support.long_video_clips import KEYFRAME_SECONDS, RATE, SCENE_SECONDS
from extractor.backends.storage.folder import FolderObjectStore
from extractor.domain.frames import StoredFrame
from extractor.domain.jobs import SourceVideo
from extractor.domain.layout import FrameKeys
from extractor.domain.manifest import Manifest, parse_manifest
from extractor.domain.output_options import OutputOptions
from extractor.domain.policy import SamplingPolicy
from extractor.domain.timing import Stopwatch
from extractor.errors import ExtractorError, reason_of
from extractor.output.frame_store import FrameStore
from extractor.pipeline.extract import ExtractionTask, ExtractorConfig, extract
from extractor.pipeline.local import local_config

_TIMESTAMPS: Final = 5_000
_SPREAD: Final = 3_000
_LEFT: Final = 5_000


class Case(Struct, frozen=True):
    """A case for a video of a given duration.

    Attributes:
        frames: The expected number of frames.
        stored: How many of them an earlier run has stored.
    """

    policy: Callable[[int], SamplingPolicy]
    frames: Callable[[int], int]
    output: OutputOptions = field(default_factory=OutputOptions)
    stored: Callable[[int], int] = lambda _: 0


def _every_second(_: int) -> SamplingPolicy:
    return SamplingPolicy()


def _timestamps(seconds: int) -> SamplingPolicy:
    count = _count(_TIMESTAMPS, seconds)
    times = tuple(number * seconds / count for number in range(count))
    return SamplingPolicy(strategy="timestamps", timestamps_seconds=times)


def _spread(_: int) -> SamplingPolicy:
    return SamplingPolicy(interval_seconds=1 / RATE, max_frames=_SPREAD, max_frames_mode="spread")


def _count(most: int, seconds: int) -> int:
    """Return the expected number of frames, which is smaller for shorter videos."""
    return min(most, seconds * RATE // 2)


CASES: Final[Mapping[str, Case]] = {
    "every second": Case(_every_second, lambda seconds: seconds),
    "every 10 s": Case(lambda _: SamplingPolicy(interval_seconds=10), lambda seconds: -(-seconds // 10)),
    "keyframes": Case(
        lambda _: SamplingPolicy(strategy="keyframe"), lambda seconds: -(-seconds // KEYFRAME_SECONDS)
    ),
    "timestamps": Case(_timestamps, lambda seconds: _count(_TIMESTAMPS, seconds)),
    "spread": Case(_spread, lambda seconds: min(_SPREAD, seconds * RATE)),
    "scenes": Case(lambda _: SamplingPolicy(strategy="scene"), lambda seconds: -(-seconds // SCENE_SECONDS)),
    "storyboard": Case(_every_second, lambda seconds: seconds, OutputOptions(storyboard=True)),
    "tar": Case(_every_second, lambda seconds: seconds, OutputOptions("tar")),
    "going on": Case(
        _every_second, lambda seconds: seconds, stored=lambda seconds: seconds - min(_LEFT, seconds // 2)
    ),
}


def main(video: str, case_name: str, seconds: str, out: str) -> None:
    case = CASES[case_name]
    begun = time.monotonic()
    try:
        manifest = _extract(Path(video), case, int(seconds), Path(out))
        status, frames = "ok", len(manifest.frames)
    except ExtractorError as error:
        status, frames = f"{reason_of(error)}: {error}", 0
    wall = time.monotonic() - begun
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in used)
    answer = {"status": status, "frames": frames, "cpu_seconds": cpu, "wall_seconds": wall}
    print(json.dumps(answer), flush=True)


def _extract(video: Path, case: Case, seconds: int, folder: Path) -> Manifest:
    """Extract into a folder as a worker does; return the manifest as read back."""
    policy = case.policy(seconds)
    frame_store = FrameStore(FolderObjectStore(folder), FrameKeys("", "{index:06d}.jpg"), policy.image_format)
    size = video.stat().st_size
    task = ExtractionTask(
        path=video,
        code="long",
        platform=None,
        source=SourceVideo(bucket=None, key=video.name, etag="etag", size_bytes=size),
        policy=policy,
        deadline=time.monotonic() + 24 * 3600,
        stored=_stored(case.stored(seconds)),
    )
    manifest = parse_manifest(extract(task, frame_store, _tools(case), Stopwatch()).to_json())
    assert manifest is not None
    return manifest


def _tools(case: Case) -> ExtractorConfig:
    return replace(local_config(), output=case.output)


def _stored(count: int) -> Sequence[StoredFrame]:
    """Return the first frames of every second."""
    return [
        StoredFrame(number, number, f"{number:06d}.jpg", float(number), 1, "0" * 64, 96, 64)
        for number in range(count)
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
