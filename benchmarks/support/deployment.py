"""The handler on this machine against real S3 and SQS protocols, with network latency."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil

from benchmarks.support.latency import DelayingProxy, delaying
from extractor.backends.state.sqlite import SqliteStateStore
from local.cloud import EmbeddedCloud
from local.lambda_runtime.function import FunctionConfig, LocalFunction
from local.lambda_runtime.sqs_event import build_event, failed_ids

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_TABLE = "watched_content"
_TIMEOUT_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Deployment:
    """A local deployment. `environment` leads to the cloud through `proxy`."""

    cloud: EmbeddedCloud
    proxy: DelayingProxy
    directory: Path
    environment: dict[str, str]
    _codes: Iterator[int]

    def function(self, handler: str = "lambda_function.lambda_handler") -> LocalFunction:
        """Start a cold function; a context manager."""
        log = self.directory / "function.log"
        return LocalFunction(FunctionConfig(self.environment, log, _TIMEOUT_SECONDS, handler=handler))

    def order(self, video: Path, copies: int) -> dict[str, Any]:
        """Upload `copies` copies of a video, add their rows, and return an SQS event for them."""
        codes = [f"video-{next(self._codes)}" for _ in range(copies)]
        state = SqliteStateStore(self.directory / "state.sqlite", _TABLE)
        for code in codes:
            self.cloud.s3().upload_file(str(video), self.cloud.VIDEOS_BUCKET, f"{code}.mp4")
            state.add(code, is_fetched=True)
        return build_event([_message(code) for code in codes], self.cloud.queue_arn)

    def cloud_cpu_seconds(self) -> float:
        """CPU time of the embedded cloud and the proxy, which on AWS run on other machines."""
        times = [psutil.Process(pid).cpu_times() for pid in (self.cloud.pid, os.getpid())]
        return float(sum(time.user + time.system for time in times))


@contextmanager
def deployed(delay_seconds: float) -> Iterator[Deployment]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        directory = Path(name)
        with EmbeddedCloud(log=directory / "cloud.log") as cloud:
            port = urlsplit(cloud.endpoint_url).port
            assert port is not None
            with delaying(port, delay_seconds) as proxy:
                environment = _environment(cloud, proxy, directory)
                yield Deployment(cloud, proxy, directory, environment, count())


def invoke(function: LocalFunction, event: dict[str, Any]) -> None:
    """Invoke the function.

    Raises:
        RuntimeError: A record failed.
    """
    answer = function.invoke(event)
    records: Sequence[dict[str, str]] = event["Records"]
    if failed := failed_ids([record["messageId"] for record in records], answer):
        raise RuntimeError(f"the handler gave back {len(failed)} of {len(records)} records")


def _environment(cloud: EmbeddedCloud, proxy: DelayingProxy, directory: Path) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        **cloud.environment(),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}",
        "STATE_BACKEND": "sqlite",
        "STATE_TABLE": _TABLE,
        "SQLITE_PATH": str(directory / "state.sqlite"),
        "WORK_DIR": str(directory / "work"),
    }


def _message(code: str) -> "MessageTypeDef":
    body = json.dumps({"code": code})
    return {
        "MessageId": code,
        "ReceiptHandle": code,
        "Body": body,
        "Attributes": {"ApproximateReceiveCount": "1"},
        "MD5OfBody": hashlib.md5(body.encode()).hexdigest(),
    }
