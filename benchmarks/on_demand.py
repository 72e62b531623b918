"""`python -m benchmarks.on_demand`: how long a view of one frame takes, and what it costs.

Videos are generated: one of 10 MB, which is repeated in the larger ones. The handler of the function URL runs
in this process, and reads them from an object store on loopback with 30 ms a request and 100 MB/s. Prints
Markdown.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any, Final, cast

from benchmarks.support.clips import ROOT
from benchmarks.support.environment import describe_machine, describe_versions
from benchmarks.support.object_server import ObjectServer, serving
from benchmarks.support.repeated_clip import repeated_clip
from benchmarks.support.tables import render_table
from extractor import container
from extractor.domain.costs import US_EAST_1
from extractor.on_demand import function
from tests.handler.conftest import Context
from tests.support.servers.aws import aws_variables

_DELAY_SECONDS: Final = 0.03
_BYTES_PER_SECOND: Final = 100e6
_MEMORY_MB: Final = 1769
_FOLDER: Final = ROOT / "build" / "benchmarks" / "remote"
_COLUMNS: Final = (
    *("Video", "Answer", "Views", "Median s", "Worst s", "GETs a view", "Dollars for 1,000 views"),
)


@dataclass(frozen=True, slots=True)
class _Views:
    """The seconds of each view, and the requests of all of them to the object store."""

    seconds: Sequence[float]
    requests: int

    @property
    def dollars(self) -> float:
        """The price of a view: the invocation, the time of a function of one CPU, and the GETs."""
        compute = fmean(self.seconds) * _MEMORY_MB / 1000 * US_EAST_1.lambda_gb_second
        gets = self.requests / len(self.seconds) * US_EAST_1.s3_get
        return US_EAST_1.lambda_request + compute + gets


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    rows = []
    for megabytes in options.megabytes:
        video, seconds = repeated_clip(_FOLDER, megabytes)
        with (
            serving(video, _DELAY_SECONDS, _BYTES_PER_SECOND) as server,
            tempfile.TemporaryDirectory(dir=_FOLDER) as work_dir,
        ):
            _configure(server, work_dir)
            moments = [seconds * (number + 0.5) / options.views for number in range(options.views)]
            _ask(moments[0] + 0.1)  # the clients are built at the first view
            frames, tags = _measure(server, [(moment, "") for moment in moments])
            known, _ = _measure(server, list(zip(moments, tags, strict=True)))
            for answer, views in (("an image of 640 pixels in WebP", frames), ("304", known)):
                rows.append([f"{megabytes} MB, {seconds} s", answer, *_cells(views)])
                print(" | ".join(rows[-1]), file=sys.stderr)
    print(f"{describe_machine()}; {describe_versions([])}\n")
    print(render_table(_COLUMNS, rows))
    return 0


def _configure(server: ObjectServer, work_dir: str) -> None:
    """Set what the function reads of its environment."""
    os.environ |= {
        **aws_variables(server.url),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(_MEMORY_MB),
        "LOG_LEVEL": "ERROR",
        "VIDEO_KEYS": "{code}.mp4",
        "WORK_DIR": work_dir,
    }
    function._viewer.cache_clear()
    container._s3_client.cache_clear()


def _measure(server: ObjectServer, views: Sequence[tuple[float, str]]) -> tuple[_Views, list[str]]:
    """Ask for frames at times, with versions that the client has; also return the versions."""
    server.reset()
    seconds, tags = [], []
    for moment, known in views:
        start = time.monotonic()
        tags.append(_ask(moment, known))
        seconds.append(time.monotonic() - start)
    return _Views(seconds, server.requests), tags


def _ask(moment: float, known: str = "") -> str:
    """Ask for a frame; return its version."""
    event = {
        "rawPath": "/video",
        "rawQueryString": f"at={moment}&width=640&format=webp",
        "headers": {"if-none-match": known},
        "requestContext": {"http": {"method": "GET"}},
    }
    answer = function.handler(event, cast(Any, Context()))
    assert answer["statusCode"] == (304 if known else 200), answer
    return str(answer["headers"]["ETag"])


def _cells(views: _Views) -> Iterator[str]:
    yield str(len(views.seconds))
    yield f"{median(views.seconds):.2f}"
    yield f"{max(views.seconds):.2f}"
    yield f"{views.requests / len(views.seconds):.1f}"
    yield f"{views.dollars * 1000:.4f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.on_demand", description=__doc__)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[10, 500], help="sizes (default: 10 500)")
    parser.add_argument("--views", type=int, default=20, help="views of each video (default: 20)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
