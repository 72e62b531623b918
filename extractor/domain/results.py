"""The results of jobs: what the worker reports to telemetry and returns to direct invocations."""

from collections.abc import Callable
from typing import Final, Literal

from msgspec import Struct

from extractor.domain.manifest import Manifest

JobStatus = Literal["extracted", "confirmed", "skipped", "split", "sliced"]


UNFINISHED: Final[frozenset[JobStatus]] = frozenset({"split", "sliced"})
"""The message is done, and the video is not."""


class JobOutcome(Struct, frozen=True):
    """The outcome of a successful job.

    Attributes:
        code: Code of the video.
        status: ``extracted``; ``confirmed`` (the frames were complete, and the state was not); or
            ``skipped`` (the state was complete, and the manifest was not read); ``split`` (the video is
            long, and slices of it were sent to the queue); or ``sliced`` (a slice is done, and others are
            still to be done).
        manifest: The manifest of the video, if it was read or written.
    """

    code: str
    status: JobStatus
    manifest: Manifest | None = None


class JobFailed(Struct, frozen=True):
    """A failed job that will not be tried again.

    Attributes:
        code: Code of the video; empty if the message does not contain it.
        reason: Reason code; see `extractor.errors`.
        detail: The error text.
    """

    code: str
    reason: str
    detail: str


class JobSucceeded(Struct, frozen=True):
    """A successful job.

    Attributes:
        outcome: Its outcome.
        seconds: The wall-clock seconds of its stages.
        fetched_bytes: How many bytes of the video were fetched.
    """

    outcome: JobOutcome
    seconds: dict[str, float]
    fetched_bytes: int = 0


class ObjectIgnored(Struct, frozen=True):
    """An announced object that this project has written itself."""

    bucket: str
    key: str


JobResult = JobSucceeded | JobFailed | ObjectIgnored


OnResult = Callable[[JobResult | Exception], None]
"""Receives every result, and every error that needs another delivery."""


def to_response(result: JobResult) -> dict[str, object]:
    """Return the result as an item of the response to a direct invocation."""
    if isinstance(result, JobFailed):
        return {"code": result.code, "outcome": "failed", "reason": result.reason, "detail": result.detail}
    if isinstance(result, ObjectIgnored):
        return {"bucket": result.bucket, "key": result.key, "outcome": "ignored"}
    manifest = result.outcome.manifest
    frames = {"frames": len(manifest.frames)} if manifest else {}
    return {"code": result.outcome.code, "outcome": result.outcome.status, **frames}
