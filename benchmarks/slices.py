"""`python -m benchmarks.slices`: a long video in one piece, and in slices by one and by two workers.

A real clip is repeated to the length of the video by stream copy. Each run goes through the whole handler, S3
and SQS; workers are warm processes. Prints Markdown; the exit status is 0 only if all runs end with the same
frames and the same manifest. Progress goes to stderr.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import psutil
from msgspec import Struct
from msgspec.structs import asdict, replace

from benchmarks.real_clips import REAL_CLIPS, fetch_clip
from benchmarks.support.clips import CLIPS_DIR, WARM_UP, ensure
from benchmarks.support.deployment import Deployment, deployed, invoke
from benchmarks.support.environment import describe_machine, describe_versions
from benchmarks.support.slices_model import SliceCost, fits, last_frame_seconds
from benchmarks.support.tables import render_table
from extractor.domain.manifest import Manifest, parse_manifest
from extractor.media.ffmpeg.binary import find_ffmpeg
from local.lambda_runtime.event_source_mapping import EventSourceMapping, Invocation, QueueSource
from local.lambda_runtime.function import FunctionConfig, LocalFunction

_TIMEOUT_SECONDS: Final = 900.0
_TICK_SECONDS: Final = 0.2
_MODEL_HOURS: Final = 10
_MODEL_WORKERS: Final = 1000
_OWN_FIELDS: Final = frozenset({"code", "source", "frames", "timings"})
"""Fields of a manifest that differ between two runs of the same video."""


class Run(Struct, frozen=True):
    """A run of a video.

    Attributes:
        name: What it is.
        wall_seconds: From the message to the empty queue.
        cpu_seconds: Of all workers and their FFmpeg processes.
        invocations: The seconds of each invocation, in the order of their ends.
        requests: Requests of the workers to S3 and SQS.
        fetched_bytes: The bytes of the answers to them.
        result: What must be the same for all runs.
    """

    name: str
    wall_seconds: float
    cpu_seconds: float
    invocations: Sequence[float]
    requests: int
    fetched_bytes: int
    result: object
    frames: int


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(argv)
    seconds = options.hours * 3600
    video = options.video or _repeated(options.clip, seconds)
    with deployed(options.delay / 1000) as deployment:
        plans = [("one piece", 0.0, 1), *(("slices", options.slice_seconds, n) for n in options.workers)]
        runs = [
            _run(deployment, video, f"{name}, {workers} worker(s)", slice_seconds, workers)
            for _ in range(options.repeat)
            for name, slice_seconds, workers in plans
        ]
    print("\n".join(_report(runs, video, options)))
    return 0 if all(run.result == runs[0].result for run in runs) else 1


def _run(deployment: Deployment, video: Path, name: str, slice_seconds: float, workers: int) -> Run:
    """Extract a new copy of the video with warm workers."""
    print(name, file=sys.stderr, flush=True)
    code: str = deployment.order(video, 1)["Records"][0]["messageId"]
    warm_up = ensure(WARM_UP)
    cloud, invocations = deployment.cloud, list[Invocation]()
    source = QueueSource(cloud.sqs(), cloud.queue_url, cloud.queue_arn, batch_size=1)
    with ExitStack() as held:
        functions = [
            held.enter_context(_function(deployment, slice_seconds, number)) for number in range(workers)
        ]
        for function in functions:
            invoke(function, deployment.order(warm_up, 1))
        before, requests = _cpu_seconds(functions), deployment.proxy.requests
        fetched, started = deployment.proxy.answer_bytes, time.monotonic()
        cloud.sqs().send_message(QueueUrl=cloud.queue_url, MessageBody=json.dumps({"code": code}))
        with EventSourceMapping(source, functions, invocations.append) as mapping:
            while not _is_done(deployment, code):
                mapping.check()
                time.sleep(_TICK_SECONDS)
            wall = time.monotonic() - started
        cpu = _cpu_seconds(functions) - before
    if failed := [invocation for invocation in invocations if invocation.failed]:
        raise RuntimeError(f"{len(failed)} invocations failed; see {deployment.directory}")
    manifest = _manifest(deployment, code)
    return Run(
        name,
        wall,
        cpu,
        [invocation.seconds for invocation in invocations],
        deployment.proxy.requests - requests,
        deployment.proxy.answer_bytes - fetched,
        _result(deployment, code, manifest),
        len(manifest.frames),
    )


def _function(deployment: Deployment, slice_seconds: float, number: int) -> LocalFunction:
    environment = {
        **deployment.environment,
        "SPLIT_SECONDS": f"{slice_seconds:g}",
        "WORK_DIR": str(deployment.directory / f"work-{number}"),
    }
    return LocalFunction(
        FunctionConfig(environment, deployment.directory / f"worker-{number}.log", _TIMEOUT_SECONDS)
    )


def _cpu_seconds(functions: Sequence[LocalFunction]) -> float:
    return sum(sum(psutil.Process(function.pid).cpu_times()[:4]) for function in functions)


def _is_done(deployment: Deployment, code: str) -> bool:
    """Whether the queue is empty, and the video has its manifest; its absence is an error then."""
    cloud = deployment.cloud
    found = cloud.sqs().get_queue_attributes(QueueUrl=cloud.queue_url, AttributeNames=["All"])["Attributes"]
    waiting, running = found["ApproximateNumberOfMessages"], found["ApproximateNumberOfMessagesNotVisible"]
    if int(waiting) or int(running):
        return False
    _manifest(deployment, code)
    return True


def _manifest(deployment: Deployment, code: str) -> Manifest:
    cloud = deployment.cloud
    answer = cloud.s3().get_object(Bucket=cloud.FRAMES_BUCKET, Key=f"{code}/manifest.json")
    manifest = parse_manifest(answer["Body"].read())
    assert manifest is not None
    return manifest


def _result(deployment: Deployment, code: str, manifest: Manifest) -> object:
    """Return the manifest, and the stored objects with the MD5 of each, without what differs by intention."""
    cloud, folder = deployment.cloud, f"{code}/"
    pages = cloud.s3().get_paginator("list_objects_v2").paginate(Bucket=cloud.FRAMES_BUCKET, Prefix=folder)
    stored = {
        entry["Key"].removeprefix(folder): entry["ETag"]
        for page in pages
        for entry in page.get("Contents", ())
        if not entry["Key"].endswith("manifest.json")
    }
    frames = [replace(frame, key=frame.key.removeprefix(folder)) for frame in manifest.frames]
    facts = {name: value for name, value in asdict(manifest).items() if name not in _OWN_FIELDS}
    return facts, frames, stored


def _repeated(name: str, seconds: float) -> Path:
    """Return the clip, repeated to about this many seconds without encoding it again."""
    clip = fetch_clip(next(clip for clip in REAL_CLIPS if clip.name == name))
    path = CLIPS_DIR / f"repeated-{round(seconds)}-{name}"
    if path.exists():
        return path
    CLIPS_DIR.mkdir(parents=True, exist_ok=True)
    partial = path.with_stem(f"partial-{path.stem}")
    command = [find_ffmpeg(), "-y", "-v", "error", "-nostdin", "-stream_loop", "-1", "-i", str(clip)]
    command += ["-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", "-t", f"{seconds:g}", str(partial)]
    subprocess.run(command, check=True)
    return partial.replace(path)


def _report(runs: Sequence[Run], video: Path, options: argparse.Namespace) -> Iterator[str]:
    whole = runs[0]
    yield f"{describe_machine()}. {describe_versions(['boto3'])}.\n"
    facts: Any = whole.result
    length = facts[0]["video"].duration_seconds
    yield (
        f"{video.name}: {length:.0f} s, {video.stat().st_size / 1e6:.0f} MB, {whole.frames} frames. "
        f"Slices of {options.slice_seconds:g} CPU seconds by the estimate. "
        f"Every request takes {options.delay:g} ms longer than on loopback.\n"
    )
    heads = ["run", "wall s", "CPU s", "÷ one piece", "messages", "requests", "fetched MB", "same"]
    yield render_table(heads, [_row(run, whole) for run in runs])
    sliced = next(run for run in runs if len(run.invocations) > 2)
    cost = SliceCost.fit(whole.invocations[0], sliced.invocations, length)
    yield (
        f"\nA simulated video of {_MODEL_HOURS} hours with {_MODEL_WORKERS:,} workers, from the wall times "
        "of the first run and of the first one in slices: "
        f"{1000 * cost.seconds_per_video_second:.2f} ms for a second of video, "
        f"{cost.fixed_seconds:.2f} s more for a slice. "
        "What does not fit an invocation of 15 minutes needs further deliveries, which are not counted.\n"
    )
    yield render_table(["slices", "s until the last frame", "÷ one piece", "fits"], _model(cost))


def _model(cost: SliceCost) -> Sequence[Sequence[str]]:
    seconds = _MODEL_HOURS * 3600
    whole = last_frame_seconds(cost, seconds, 1, _MODEL_WORKERS)
    rows = []
    for slices in (1, 2, 4, 8, 16, 32, 64):
        last = last_frame_seconds(cost, seconds, slices, _MODEL_WORKERS)
        rows.append(
            [
                str(slices),
                f"{last:.0f}",
                f"{last / whole:.3f}",
                "yes" if fits(cost, seconds, slices) else "no",
            ]
        )
    return rows


def _row(run: Run, whole: Run) -> Sequence[str]:
    return [
        run.name,
        f"{run.wall_seconds:.1f}",
        f"{run.cpu_seconds:.1f}",
        f"{run.cpu_seconds / whole.cpu_seconds:.2f}",
        str(len(run.invocations)),
        str(run.requests),
        f"{run.fetched_bytes / 1e6:.0f}",
        "yes" if run.result == whole.result else "**no**",
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slices", description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0, help="length of the video (default: 1)")
    names = [clip.name for clip in REAL_CLIPS]
    parser.add_argument(
        "--clip",
        choices=names,
        default="big-buck-bunny-480p.mp4",
        help="what is repeated (default: %(default)s)",
    )
    parser.add_argument("--video", type=Path, help="a file, instead of a repeated clip")
    parser.add_argument(
        "--slice-seconds", type=float, default=60.0, metavar="S", help="SPLIT_SECONDS (default: 60)"
    )
    parser.add_argument("--delay", type=float, default=30.0, metavar="MS", help="of a request (default: 30)")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="runs of each (default: 1)")
    parser.add_argument(
        "--workers",
        type=lambda text: [int(part) for part in text.split(",")],
        default=[1, 2],
        metavar="N,N",
        help="numbers of workers for the slices (default: 1,2)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
