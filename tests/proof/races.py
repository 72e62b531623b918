"""Workers that begin at the same moment with the same message."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from tests.proof.crash import CrashTest
from tests.proof.invariant import View, violations

_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Finish:
    """How a race ended: after how many deliveries, and with what that was wrong."""

    view: View
    deliveries: int
    wrong: tuple[str, ...]


def race(test: CrashTest, options: Mapping[str, object], workers: int) -> Finish:
    """Give the same message to all `workers` at once, then again to those that did not acknowledge it."""
    world = test.world
    code = f"v{uuid.uuid4().hex}"
    video = world.add_video(code, test.clip.video)
    world.send({"code": code, **options})
    message = world.receive()
    deliveries, wrong, left = 0, list[str](), workers
    for _ in range(_ROUNDS):
        ended = test.lane.run_together(message.event, left)
        deliveries += left
        left = sum(1 for each in ended if each.answer["batchItemFailures"])
        view = world.view(code, video, is_acknowledged=left < workers)
        wrong += violations(view)
        if not left:
            break
    else:
        wrong.append(f"{left} workers still do not acknowledge the message")
    world.acknowledge(message)
    world.forget(code)
    return Finish(view, deliveries, tuple(wrong))
