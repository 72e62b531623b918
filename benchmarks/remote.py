"""`python -m benchmarks.remote`: what it takes to fetch all of a video, or only what is needed.

Videos are generated: one of 10 MB, which is repeated in the larger ones. They come from an object store on
loopback with 30 ms a request and 100 MB/s. Prints Markdown.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from benchmarks.support.clips import ROOT
from benchmarks.support.environment import describe_machine, describe_versions
from benchmarks.support.object_server import ObjectServer, serving
from benchmarks.support.repeated_clip import repeated_clip
from benchmarks.support.tables import render_table
from extractor.backends.storage.folder import FolderObjectStore
from extractor.domain.costs import US_EAST_1
from extractor.domain.fetch_mode import FetchMode
from extractor.domain.layout import FrameKeys
from extractor.domain.policy import SamplingPolicy
from extractor.domain.timing import Stopwatch
from extractor.output.frame_store import FrameStore
from extractor.pipeline.extract import extract
from extractor.pipeline.local import NO_DEADLINE_SECONDS, local_config
from extractor.pipeline.remote_video import S3Video, fetched_task
from tests.support.servers.aws import aws_variables

_DELAY_SECONDS: Final = 0.03
_BYTES_PER_SECOND: Final = 100e6
_MEMORY_GB: Final = 1.769
_BLOCK_BYTES: Final = 512
_COLUMNS: Final = (
    *("Video", "Frames wanted", "`--fetch`", "Frames", "Fetched", "Requests", "Seconds", "Disk"),
    "Dollars for 1,000 videos",
)
_FOLDER: Final = ROOT / "build" / "benchmarks" / "remote"
_POLICIES: Final = {
    "1 frame, in the middle": SamplingPolicy(strategy="timestamps"),
    "keyframes": SamplingPolicy(strategy="keyframe"),
    "every 10 s": SamplingPolicy(interval_seconds=10),
    "every second": SamplingPolicy(interval_seconds=1),
}


@dataclass(frozen=True, slots=True)
class _Figures:
    frames: int
    fetched_bytes: int
    requests: int
    seconds: float
    disk_bytes: int

    @property
    def dollars(self) -> float:
        """The price of the GETs, and of the time of a function of one CPU."""
        return self.requests * US_EAST_1.s3_get + self.seconds * _MEMORY_GB * US_EAST_1.lambda_gb_second


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    rows = []
    for megabytes in options.megabytes:
        video, seconds = repeated_clip(_FOLDER, megabytes)
        with serving(video, _DELAY_SECONDS, _BYTES_PER_SECOND) as server:
            os.environ.update(aws_variables(server.url))
            for name in options.cases:
                for fetch in ("all", "needed"):
                    figures = _measure(server, _policy(name, seconds), fetch)
                    rows.append([f"{megabytes} MB, {seconds} s", name, *_cells(fetch, figures)])
                    print(" | ".join(rows[-1]), file=sys.stderr)
    print(f"{describe_machine()}; {describe_versions([])}\n")
    print(render_table(_COLUMNS, rows))
    return 0


def _policy(name: str, seconds: int) -> SamplingPolicy:
    policy = _POLICIES[name]
    is_one = policy.strategy == "timestamps"
    return replace(policy, timestamps_seconds=(seconds / 2 + 3.3,)) if is_one else policy


def _cells(fetch: str, figures: _Figures) -> Iterator[str]:
    yield fetch
    yield str(figures.frames)
    yield f"{figures.fetched_bytes / 1e6:.1f} MB"
    yield str(figures.requests)
    yield f"{figures.seconds:.1f}"
    yield f"{figures.disk_bytes / 1e6:.1f} MB"
    yield f"{figures.dollars * 1000:.3f}"


def _measure(server: ObjectServer, policy: SamplingPolicy, fetch: FetchMode) -> _Figures:
    server.reset()
    with tempfile.TemporaryDirectory(dir=_FOLDER) as name:
        folder, config = Path(name), local_config()
        target = folder / "source"
        store = FrameStore(FolderObjectStore(folder), FrameKeys("", "{index:06d}.jpg"), "jpg")
        start = time.monotonic()
        deadline = start + NO_DEADLINE_SECONDS
        task, _ = fetched_task(S3Video("videos", "video.mp4", fetch), target, policy, config, deadline)
        manifest = extract(task, store, config, Stopwatch())
        seconds = time.monotonic() - start
        disk_bytes = target.stat().st_blocks * _BLOCK_BYTES
    return _Figures(len(manifest.frames), server.sent_bytes, server.requests, seconds, disk_bytes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.remote", description=__doc__)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[10, 500], help="sizes (default: 10 500)")
    parser.add_argument("--cases", nargs="+", choices=_POLICIES, default=list(_POLICIES), help="default: all")
    return parser


if __name__ == "__main__":
    sys.exit(main())
