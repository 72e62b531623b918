"""A process that does the work of a cold Lambda and reports the time of each step.

Started as `python -m benchmarks.support.cold_child WHAT`. Times are those of `time.monotonic()`, which all
processes share; ``cpu`` is the CPU time until the end, including children.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping

from benchmarks.support.cpu import cpu_seconds


def nothing() -> Mapping[str, float]:
    """Start Python only."""
    return _end()


def boto() -> Mapping[str, float]:
    """Import boto3 and build one S3 client, the minimum of any function that uses S3."""
    import boto3

    imported = time.monotonic()
    boto3.client("s3")
    return {"imported": imported, **_end()}


def handler() -> Mapping[str, float]:
    """Run two invocations, the second one warm, with the events in the environment."""
    import lambda_function

    imported = time.monotonic()
    lambda_function._app()
    built = time.monotonic()
    marks = []
    for event in json.loads(os.environ["BENCHMARK_EVENTS"]):
        answer = lambda_function.lambda_handler(event, _Context())  # type: ignore[arg-type]
        marks.append(_end())
        if any(result["outcome"] != "extracted" for result in answer["results"]):
            raise RuntimeError(f"the handler did not do its work: {answer}")
    first, second = marks
    warm = {f"warm_{name}": second[name] - first[name] for name in first}
    return {"imported": imported, "built": built, **first, **warm}


def _end() -> Mapping[str, float]:
    return {"end": time.monotonic(), "cpu": cpu_seconds()}


class _Context:
    function_name = "frame-extractor"
    memory_limit_in_mb = 2048
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:frame-extractor"
    aws_request_id = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


WHATS: Mapping[str, Callable[[], Mapping[str, float]]] = {
    "nothing": nothing,
    "boto3": boto,
    "handler": handler,
}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(WHATS[sys.argv[1]]()))
