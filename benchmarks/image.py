"""`python -m benchmarks.image IMAGE`: the size of the image by part, and the start time of its container.

Sizes are those of the files, uncompressed and deflated as a registry stores them. The start time ends with
the first response. The container runs under the emulator of the image, with S3 and a state on loopback; the
time of the container engine is shown separately, since Lambda uses another one. Needs Docker or podman.
Prints Markdown; progress goes to stderr.
"""

import argparse
import inspect
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.support import image_files
from benchmarks.support.clips import SHORT, ensure
from benchmarks.support.deployment import Deployment, deployed
from benchmarks.support.environment import describe_machine
from benchmarks.support.tables import render_table
from local.lambda_runtime.container import ContainerConfig, ContainerFunction, find_engine

_CODE = {"extractor", "lambda_function.py", "__pycache__"}
# The largest packages by what they are for; the names are those of the folders.
_PARTS = {
    "imageio_ffmpeg": "FFmpeg",
    "cv2": "OpenCV",
    "opencv_python_headless.libs": "OpenCV",
    "numpy": "NumPy",
    "numpy.libs": "NumPy",
    "botocore": "boto3 and botocore",
    "boto3": "boto3 and botocore",
    "s3transfer": "boto3 and botocore",
    "cryptography": "cryptography",
    "scenedetect": "PySceneDetect",
}
_BASE, _OTHERS, _OURS = "base image", "all other packages", "this project's code"
_TIMEOUT_SECONDS = 120
_MEMORY_MB = 2048
_NOT_THE_IMAGE_S = {"PATH", "HOME", "WORK_DIR"}


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes, uncompressed and deflated."""

    plain: int = 0
    packed: int = 0

    def __add__(self, other: "Size") -> "Size":
        return Size(self.plain + other.plain, self.packed + other.packed)


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds until the emulator listens, until the first response, and of the same invocation when warm."""

    engine: float
    first: float
    warm: float


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    engine = find_engine()
    if engine is None:
        raise SystemExit("neither Docker nor podman answers")
    print("measuring sizes", file=sys.stderr)
    sizes = _sizes(engine, options.image)
    starts = []
    with deployed(0) as deployment:
        deployment.directory.chmod(0o777)  # the image's user is nobody here
        for turn in range(options.repeat + 1):
            print(f"start {turn} of {options.repeat}", file=sys.stderr)
            start = _start(engine, options.image, deployment)
            if turn:  # the first only warms the disk's cache
                starts.append(start)
    print("\n".join(_report(sizes, starts)))
    return 0


def _sizes(engine: str, image: str) -> dict[str, Size]:
    """Return sizes by part, sorted by size, with the base first and the code last."""
    command = [engine, "run", "--rm", "--user", "0", "--entrypoint", "python", image, "-c"]
    found = subprocess.run(
        [*command, inspect.getsource(image_files)], check=True, stdout=subprocess.PIPE, text=True
    )
    sizes: dict[str, Size] = {}
    for name, size in json.loads(found.stdout).items():
        part = _part(name)
        sizes[part] = sizes.get(part, Size()) + Size(*size)
    order = {_BASE: 0, _OTHERS: 2, _OURS: 3}
    return dict(sorted(sizes.items(), key=lambda item: (order.get(item[0], 1), -item[1].plain)))


def _part(name: str) -> str:
    if not name:
        return _BASE
    return _OURS if name in _CODE else _PARTS.get(name, _OTHERS)


def _start(engine: str, image: str, deployment: Deployment) -> Start:
    environment = {
        name: value for name, value in deployment.environment.items() if name not in _NOT_THE_IMAGE_S
    }
    events = [_event(deployment) for _ in range(2)]
    Path(environment["SQLITE_PATH"]).chmod(0o666)
    config = ContainerConfig(engine, image, environment, _TIMEOUT_SECONDS, _MEMORY_MB, deployment.directory)
    with (deployment.directory / "container.log").open("ab") as log:
        start = time.monotonic()
        with ContainerFunction(config, log) as function:
            times = [time.monotonic() - start]
            for event in events:
                start = time.monotonic()
                answer = function.invoke(event)
                times.append(time.monotonic() - start)
                if any(result["outcome"] != "extracted" for result in answer["results"]):
                    raise RuntimeError(f"the handler did not do its work: {answer}")
    return Start(*times)


def _event(deployment: Deployment) -> dict[str, object]:
    order = deployment.order(ensure(SHORT), 1)
    return {**json.loads(order["Records"][0]["body"]), "max_frames": 1}


def _report(sizes: Mapping[str, Size], starts: Sequence[Start]) -> Iterator[str]:
    yield f"{describe_machine()}.\n"
    rows = [_size_row(part, size) for part, size in sizes.items()]
    yield render_table(
        ["in the image", "MB", "MB compressed"], [*rows, _size_row("**all**", sum(sizes.values(), Size()))]
    )
    yield f"\nMedians of {len(starts)} containers, the disk's cache warm:\n"
    steps = {
        "the engine's start, until the emulator listens": [start.engine for start in starts],
        "the first invocation: Python, imports, clients, one frame of a video": [
            start.first for start in starts
        ],
        "the same with another video, warm": [start.warm for start in starts],
        "**cold start: first less warm**": [start.first - start.warm for start in starts],
    }
    yield render_table(["step", "ms"], [[name, f"{median(all_) * 1000:.0f}"] for name, all_ in steps.items()])


def _size_row(part: str, size: Size) -> list[str]:
    return [part, f"{size.plain / 1e6:.1f}", f"{size.packed / 1e6:.1f}"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.image", description=__doc__)
    parser.add_argument("image", metavar="IMAGE", help="as scripts/build_docker.sh built it")
    parser.add_argument("--repeat", type=int, default=7, metavar="N", help="containers (default: 7)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
