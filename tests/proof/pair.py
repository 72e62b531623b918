"""Two videos in one batch that are handled at the same time: their delivery is broken at one of its effects.

Whatever breaks, the promise holds for each of the two, and both are extracted in the end.
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from extractor.domain.jobs import SourceVideo
from local.lambda_runtime.sqs_event import build_event
from tests.proof.cloud import QUEUE_ARN
from tests.proof.crash import REDELIVERIES, CrashTest
from tests.proof.effects import Fault
from tests.proof.invariant import View, content, violations
from tests.proof.processes import survivors

VARIABLES = {"RECORDS_AT_ONCE": "2"}
"""The settings of the worker."""

_VISIBILITY_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Pair:
    """What became of the two videos: the effects of their last delivery, and all that was wrong."""

    fault: Fault | None
    violations: tuple[str, ...]
    effects: tuple[str, ...]


def run_pair(test: CrashTest, fault: Fault | None) -> Pair:
    """Deliver a batch of two new videos until both are acknowledged; the fault is in the first delivery."""
    codes = [f"v{uuid.uuid4().hex}" for _ in range(2)]
    videos = {code: test.world.add_video(code, test.clip.video) for code in codes}
    try:
        return _deliver_all(test, videos, fault)
    finally:
        for code in codes:
            test.world.forget(code)


def _deliver_all(test: CrashTest, videos: Mapping[str, SourceVideo], fault: Fault | None) -> Pair:
    wrong: list[str] = []
    waiting = set(videos)
    effects: tuple[str, ...] = ()
    for delivery in range(1, REDELIVERIES + 2):
        ended = test.lane.run(
            _event(test, sorted(waiting), delivery),
            fault if delivery == 1 else None,
            later_seconds=delivery * _VISIBILITY_SECONDS,
        )
        effects = ended.effects or effects
        if fault is not None and delivery == 1 and not ended.met:
            wrong.append("the fault was not met")
        if ended.killed and survivors(test.lane.work_dir):
            wrong.append("a process outlives its worker")
        failed = {item["itemIdentifier"] for item in ended.answer.get("batchItemFailures", ())}
        waiting = waiting if ended.killed else waiting & failed
        views = {
            code: test.world.view(code, video, is_acknowledged=code not in waiting)
            for code, video in videos.items()
        }
        wrong += [
            f"after delivery {delivery}: {text}" for view in views.values() for text in violations(view)
        ]
        if not waiting:
            return Pair(fault, (*wrong, *_check_end(test, views)), effects)
    return Pair(fault, (*wrong, f"{REDELIVERIES} redeliveries were not enough"), effects)


def _check_end(test: CrashTest, views: Mapping[str, View]) -> Iterator[str]:
    manifests = [view.manifest for view in views.values() if view.known.is_extracted and view.manifest]
    if len(manifests) != len(views):
        yield "a video that is well is not extracted"
    if len({str(content(manifest)) for manifest in manifests}) > 1:
        yield "two copies of a video have different frames"
    if any(test.lane.work_dir.glob("*")):
        yield "something is left in the work directory"


def _event(test: CrashTest, codes: list[str], delivery: int) -> dict[str, Any]:
    messages: Any = [
        {
            "MessageId": code,
            "ReceiptHandle": code,
            "Body": json.dumps({"code": code, **test.scenario.options}),
            "MD5OfBody": "",
            "Attributes": {"ApproximateReceiveCount": str(delivery)},
        }
        for code in codes
    ]
    return build_event(messages, QUEUE_ARN)
