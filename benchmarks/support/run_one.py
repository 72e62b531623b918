"""Run one tool on one video in this process.

Started as ``python -m benchmarks.support.run_one TOOL VIDEO INTERVAL OUT [WARM_UP]``. With the video
`WARM_UP`, the tool extracts that one first, so that everything is imported and initialised when the
measurement begins. The result is one line of JSON, the last of stdout.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from benchmarks.support.recorded_children import recorded_children
from benchmarks.support.tools import TOOLS, Extract, Tool


def main(name: str, video: str, interval: str, out: str, warm_up: str | None = None) -> None:
    tool = next(tool for tool in TOOLS if tool.name == name)
    try:
        extract = _load(tool)
    except (ImportError, OSError, RuntimeError):  # torchcodec raises the last without a fitting FFmpeg
        result: Mapping[str, object] = {"missing": True}
    else:
        if warm_up is not None:
            with tempfile.TemporaryDirectory() as folder:
                extract(Path(warm_up), float(interval), Path(folder))
        result = _measure(extract, Path(video), float(interval), Path(out))
    print(json.dumps(result), flush=True)


def _load(tool: Tool) -> Extract:
    extract: Extract = getattr(import_module(tool.module), tool.function)
    return extract


def _measure(extract: Extract, video: Path, interval: float, out: Path) -> Mapping[str, object]:
    with recorded_children() as children:
        own, child = (_cpu_seconds(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        wall = time.monotonic()
        shots = extract(video, interval, out)
        return {
            "wall_seconds": time.monotonic() - wall,
            "own_cpu_seconds": _cpu_seconds(resource.RUSAGE_SELF) - own,
            "child_cpu_seconds": _cpu_seconds(resource.RUSAGE_CHILDREN) - child,
            "shots": [asdict(shot) for shot in shots],
            "children": [asdict(child) for child in children],
        }


def _cpu_seconds(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main(*sys.argv[1:])
