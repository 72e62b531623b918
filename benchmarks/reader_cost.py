"""`python -m benchmarks.reader_cost`: what readers of the frames pay, by output form.

The real handler stores the frames of some videos as objects and as tars, and readers read them back from S3
on loopback, with more time on each request. Requests and bytes do not depend on the machine; the seconds do.
Prices are those of `extractor.domain.costs`. Prints Markdown; progress goes to stderr.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from benchmarks.support.clips import CLIPS, ensure
from benchmarks.support.deployment import Deployment, deployed, invoke
from benchmarks.support.environment import describe_machine, describe_versions
from benchmarks.support.frame_readers import Images, Reader
from benchmarks.support.tables import render_table
from extractor.domain.costs import US_EAST_1

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PORTRAIT = next(clip for clip in CLIPS if clip.name == "h264-portrait")
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading took; `megabytes` are those of the answers, with their headers."""

    frames: int
    requests: int
    megabytes: float
    seconds: float

    @property
    def usd_per_million_frames(self) -> float:
        """The price of the requests, all of which are GETs."""
        return _MILLION * US_EAST_1.s3_get * self.requests / self.frames


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    video = options.video or ensure(_PORTRAIT)
    with deployed(options.delay / 1000) as deployment:
        readers = {
            form: _reader(deployment, form, video, options.videos, options.threads)
            for form in ("frames", "tar")
        }
        rows = list(_rows(deployment, readers, options.videos, options.threads, options.repeat))
    print(f"{describe_machine()}. {describe_versions(['boto3', 'moto', 'webdataset'])}.\n")
    print(f"{options.videos} videos ({video.stem}). Every request takes {options.delay:g} ms longer than on")
    print(f"loopback; medians of {options.repeat}.\n")
    heads = ["what is read", "from", "frames", "requests", "MB", "seconds", "US$ for a million frames"]
    print(render_table(heads, rows))
    return 0


def _reader(deployment: Deployment, form: str, video: Path, videos: int, threads: int) -> Reader:
    print(f"storing {videos} videos, OUTPUT={form}", file=sys.stderr)
    changed = replace(deployment, environment={**deployment.environment, "OUTPUT": form})
    order = changed.order(video, videos)
    with changed.function() as handler:
        invoke(handler, order)
    prefixes = [f"{record['messageId']}/" for record in order["Records"]]
    return Reader(_client(deployment, threads), deployment.cloud.FRAMES_BUCKET, prefixes)


def _client(deployment: Deployment, connections: int) -> "S3Client":
    """Return a client that reaches the cloud through the proxy."""
    environment = deployment.environment
    return boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        config=Config(max_pool_connections=connections),
    )


def _rows(
    deployment: Deployment, readers: Mapping[str, Reader], videos: int, threads: int, repeat: int
) -> Iterator[list[str]]:
    """Measure each way of reading from both forms, and check that both give the same frames."""
    objects, tars = readers["frames"], readers["tar"]
    all_of_them = f"a data set of {videos} videos, in order"
    ways: Mapping[str, Mapping[str, Callable[[], Images]]] = {
        "one frame whose place is known": {"object": objects.known_frame, "tar, range": tars.known_frame},
        "one frame, by the manifest": {
            "object": objects.frame_by_manifest,
            "tar, range": tars.frame_by_manifest,
        },
        "all frames of a video, by the manifest": {
            "objects": partial(objects.video, 1),
            f"objects, {threads} threads": partial(objects.video, threads),
            "tar": partial(tars.video, 1),
        },
        all_of_them: {
            "objects": partial(objects.all_videos, 1),
            f"objects, {threads} threads": partial(objects.all_videos, threads),
            "tars, WebDataset": partial(tars.by_webdataset, 1),
            f"tars, WebDataset, {threads} threads": partial(tars.by_webdataset, threads),
        },
    }
    for what, forms in ways.items():
        found: Images | None = None
        for source, read in forms.items():
            print(f"{what}: {source}", file=sys.stderr)
            try:
                images = sorted(read())  # opens the connections
            except ImportError:
                yield [what, source, *["not installed"], *[""] * 4]
                continue
            if found is not None and images != found:
                raise RuntimeError(f"{what}: other frames from {source}")
            found = images
            yield [what, source, *_cells(_measure(deployment, read, repeat))]


def _measure(deployment: Deployment, read: Callable[[], Images], repeat: int) -> Reading:
    proxy, seconds = deployment.proxy, []
    for _ in range(repeat):
        requests, received, start = proxy.requests, proxy.answer_bytes, time.monotonic()
        frames = len(read())
        seconds.append(time.monotonic() - start)
        requests, received = proxy.requests - requests, proxy.answer_bytes - received
    return Reading(frames, requests, received / 1e6, median(seconds))


def _cells(reading: Reading) -> list[str]:
    return [
        str(reading.frames),
        str(reading.requests),
        f"{reading.megabytes:.2f}",
        f"{reading.seconds:.2f}",
        f"{reading.usd_per_million_frames:.3f}",
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reader_cost", description=__doc__)
    parser.add_argument("video", type=Path, nargs="?", help=f"a video of yours instead of {_PORTRAIT.name}")
    parser.add_argument("--videos", type=int, default=8, metavar="N", help="of the data set (default: 8)")
    parser.add_argument("--threads", type=int, default=8, metavar="N", help="of the reader (default: 8)")
    parser.add_argument("--delay", type=float, default=30, metavar="MS", help="of a request (default: 30)")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of each (default: 3)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
