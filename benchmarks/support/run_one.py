"""Run one measurement in a process of its own.

Started as `python -m benchmarks.support.run_one TOOL VIDEO INTERVAL OUT`. Interpreter start and imports are
not measured; processes that the tool starts are. The result is one line of JSON, the last of stdout.
"""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from benchmarks.support.cpu import cpu_seconds
from benchmarks.support.tools import FRAME_TOOLS, SCENE_TOOLS, Extract, Tool


def main(name: str, video: str, interval: str, out: str) -> None:
    tool = next(tool for tool in (*FRAME_TOOLS, *SCENE_TOOLS) if tool.name == name)
    try:
        extract = _load(tool)
    except (ImportError, OSError, RuntimeError):  # torchcodec raises the last without a fitting FFmpeg
        result: Mapping[str, object] = {"missing": True}
    else:
        result = _measure(extract, Path(video), float(interval), Path(out))
    print(json.dumps(result), flush=True)


def _load(tool: Tool) -> Extract:
    extract: Extract = getattr(import_module(tool.module), tool.function)
    return extract


def _measure(extract: Extract, video: Path, interval: float, out: Path) -> Mapping[str, object]:
    cpu, wall = cpu_seconds(), time.monotonic()
    shots = extract(video, interval, out)
    return {
        "cpu_seconds": cpu_seconds() - cpu,
        "wall_seconds": time.monotonic() - wall,
        "shots": [asdict(shot) for shot in shots],
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
