"""A warm worker: many invocations of the real handler in one process, of which every fifth goes wrong in one
way or another; afterwards nothing has grown.
"""

import hashlib
import json
import uuid
from collections.abc import Sequence
from typing import Any

from local.lambda_runtime.sqs_event import build_event
from tests.proof.cloud import QUEUE_ARN
from tests.proof.crash import CrashTest
from tests.proof.effects import Fault
from tests.proof.footprint import Footprint

WAYS = (
    Fault("frame 1 #1", "fail before"),
    Fault("any FFmpeg #1", "fail after"),
    Fault("S3 PUT /oriane-frames/CODE/000001.jpg #1", "fail before"),
    Fault("read a body #1", "fail before"),
    Fault("SQLite UPDATE #1", "fail before"),
)
"""How an invocation goes wrong, in turn: FFmpeg is killed in the middle, or whenever it starts; an upload,
the download and the state fail."""

_EVERY = 5
_LOOKS = 5
_GROWTH_KB = 6_000


def run_warm(test: CrashTest, invocations: int) -> list[Footprint]:
    """The footprints of such a worker after each fifth of its invocations."""
    deliveries = []
    for number in range(invocations):
        fault = WAYS[number // _EVERY % len(WAYS)] if number % _EVERY == 0 else None
        deliveries.append((_event(test), fault))
    return test.lane.run_warm(deliveries, _LOOKS)


def is_flat(looks: Sequence[Footprint]) -> bool:
    """Whether the last look shows no more than the first, but for a little memory."""
    early, late = looks[0], looks[-1]
    return (
        (late.descriptors, late.threads) == (early.descriptors, early.threads)
        and (late.children, late.files) == (0, 0)
        and late.memory_kb - early.memory_kb < _GROWTH_KB
    )


def _event(test: CrashTest) -> dict[str, Any]:
    """The event for a video of its own."""
    code = f"v{uuid.uuid4().hex}"
    test.world.add_video(code, test.clip.video)
    body = json.dumps({"code": code, **test.scenario.options})
    message: Any = {
        "MessageId": code,
        "ReceiptHandle": code,
        "Body": body,
        "MD5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "Attributes": {"ApproximateReceiveCount": "1"},
    }
    return build_event([message], QUEUE_ARN)
