"""Notifications about videos, as CloudEvents 1.0. Pure: no I/O.

The id of an event depends only on the video, the version of its source, the policy and the outcome. An event
that is sent again has the same id, so receivers can drop duplicates by it.

See https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md.
"""

import hashlib
import json
from collections.abc import Mapping

from msgspec import Struct

from extractor.domain.jobs import ExtractionJob, SourceVideo
from extractor.domain.keys import content_id
from extractor.domain.manifest import Manifest
from extractor.domain.policy import fingerprint

DONE = "frame-extractor.video.done"
FAILED = "frame-extractor.video.failed"


class VideoEvent(Struct, frozen=True):
    """One event.

    Attributes:
        id: Lower-case hex; the same whenever the same outcome is announced.
        source: URI reference of the sender: the bucket of the frames.
        type: `DONE` or `FAILED`.
        subject: Code of the video.
        data: What happened.
    """

    id: str
    source: str
    type: str
    subject: str
    data: Mapping[str, object]

    def to_json(self) -> str:
        """Return the event in the structured JSON format of CloudEvents, in ASCII."""
        attributes = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "datacontenttype": "application/json",
            "data": self.data,
        }
        return json.dumps(attributes, separators=(",", ":"))


def done_event(code: str, manifest: Manifest | None, frames_bucket: str, manifest_key: str) -> VideoEvent:
    """Return the event of a video whose row is marked as extracted.

    Args:
        code: Code of the video.
        manifest: Its manifest; ``None`` if it has none, as videos of another system.
        frames_bucket: Bucket of the frames and the manifest.
        manifest_key: Key of the manifest.
    """
    data: dict[str, object] = {"code": code, "frames_bucket": frames_bucket}
    if manifest is not None:
        data |= {
            "platform": manifest.platform,
            "manifest_key": manifest_key,
            "frame_count": len(manifest.frames),
            "duration_seconds": manifest.video.duration_seconds,
            "policy_fingerprint": manifest.policy_fingerprint,
            "source": _source_fields(manifest.source),
        }
    version = content_id(manifest.source) if manifest else ""
    policy = manifest.policy_fingerprint if manifest else ""
    return _event(DONE, code, frames_bucket, (version, policy, "done"), data)


def failed_event(
    job: ExtractionJob, source: SourceVideo | None, frames_bucket: str, reason: str, detail: str
) -> VideoEvent:
    """Return the event of a video that has failed for good.

    Args:
        job: What was to be extracted.
        source: The version of the video; ``None`` if it was not found.
        frames_bucket: Bucket of the frames.
        reason: Reason code.
        detail: The error text.
    """
    policy = fingerprint(job.policy)
    data: dict[str, object] = {
        "code": job.code,
        "frames_bucket": frames_bucket,
        "platform": job.platform,
        "reason": reason,
        "detail": detail,
        "policy_fingerprint": policy,
        "source": _source_fields(source) if source else None,
    }
    version = content_id(source) if source else ""
    return _event(FAILED, job.code, frames_bucket, (version, policy, reason), data)


def _event(
    kind: str, code: str, frames_bucket: str, identity: tuple[str, str, str], data: Mapping[str, object]
) -> VideoEvent:
    digest = hashlib.sha256(json.dumps([code, *identity]).encode()).hexdigest()
    return VideoEvent(digest, f"/frame-extractor/{frames_bucket}", kind, code, data)


def _source_fields(source: SourceVideo) -> Mapping[str, object]:
    return {"bucket": source.bucket, "key": source.key, "etag": source.etag, "size_bytes": source.size_bytes}
