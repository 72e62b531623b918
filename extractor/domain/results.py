"""The results of jobs: what the worker reports to telemetry and returns to direct invocations."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from extractor.domain.manifest import Manifest

JobStatus = Literal["extracted", "confirmed", "skipped"]


class JobOutcome(Struct, frozen=True):
    """What became of a job: ``extracted``; ``confirmed`` (its frames were complete, only the state did
    not say so); ``skipped`` (it was done already, and `manifest` was not looked at)."""

    code: str
    status: JobStatus
    manifest: Manifest | None = None


class JobFailed(Struct, frozen=True):
    """A job that was given up. `code` is empty if the message does not even tell that."""

    code: str
    reason: str
    detail: str


class JobSucceeded(Struct, frozen=True):
    """A job that ended well, and the wall-clock seconds of its stages."""

    outcome: JobOutcome
    seconds: dict[str, float]


class ObjectIgnored(Struct, frozen=True):
    """A new object that was announced, and that this function has written itself."""

    bucket: str
    key: str


JobResult = JobSucceeded | JobFailed | ObjectIgnored


OnResult = Callable[[JobResult | Exception], None]


def to_response(result: JobResult) -> dict[str, object]:
    """The result as the answer to a direct invocation."""
    if isinstance(result, JobFailed):
        return {"code": result.code, "outcome": "failed", "reason": result.reason, "detail": result.detail}
    if isinstance(result, ObjectIgnored):
        return {"bucket": result.bucket, "key": result.key, "outcome": "ignored"}
    manifest = result.outcome.manifest
    frames = {"frames": len(manifest.frames)} if manifest else {}
    return {"code": result.outcome.code, "outcome": result.outcome.status, **frames}
