"""Items and update expressions of the older system's DynamoDB table. Pure: no I/O.

Times are numbers of whole seconds since 1970; durations and frame rates have two decimals. The older system
writes these formats, and its readers and indexes expect them.

A claim of this project has an owner and an end, and repeats the item's start. An item that is ``processing``
with another start, or without a claim, was started by the older system.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from extractor.backends.state.values import failure_text, read_time
from extractor.domain.jobs import ExtractionSummary, SourceVideo

Value: TypeAlias = Mapping[str, Any]  # {"S": text}, {"N": digits} …
Item: TypeAlias = Mapping[str, Value]
EMPTY: Mapping[str, Any] = {}

CLAIM = ("claim_owner", "claim_expires_at", "claim_started_at")

# Conditions. `:now` is in seconds since 1970, `:owner` is this worker.
# An item can be claimed if it has no status, an earlier attempt failed, or its claim is ours or has expired.
CLAIMABLE = (
    "(attribute_not_exists(#status) OR (#status <> :processed AND "
    "(#status <> :processing OR #claim_owner = :owner OR "
    "(#claim_expires_at <= :now AND #claim_started_at = #processing_started_at))))"
)
CLAIMED_BY_US = "#status = :processing AND #claim_owner = :owner"


def operands(owner: str, now: float, seen: Item) -> Item:
    """Return the values that conditions compare with; `seen` is the item as it was read."""
    statuses = {status: text(status) for status in ("processing", "processed")}
    before = {f"seen_{name}": value for name, value in seen.items()}
    return {"owner": text(owner), "now": number(now), **statuses, **before}


def expressions(changes: Item, remove: Sequence[str], condition: str, operands: Item) -> dict[str, Any]:
    """Return the expression parameters of UpdateItem. DynamoDB rejects names and values that are not used."""
    update = "SET " + ", ".join(f"#{name} = :{name}" for name in changes)
    if remove:
        update += " REMOVE " + ", ".join(f"#{name}" for name in remove)
    both, values = f"{update} {condition}", {**operands, **changes}
    return {
        "UpdateExpression": update,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {f"#{name}": name for name in re.findall(r"#(\w+)", both)},
        "ExpressionAttributeValues": {f":{name}": values[name] for name in re.findall(r":(\w+)", both)},
    }


def claim_item(source: SourceVideo, owner: str, now: float, lease_seconds: float) -> Item:
    """Return the attributes of a new claim."""
    started = whole_seconds(now)
    return {
        "status": text("processing"),
        "original_key": text(source.key),
        "processing_started_at": started,
        "updated_at": started,
        "claim_owner": text(owner),
        "claim_expires_at": number(now + lease_seconds),
        "claim_started_at": started,
    }


def processed(extraction: ExtractionSummary, now: float) -> Item:
    """Return the attributes of an extracted video."""
    scenes = {} if extraction.scene_count is None else {"scenes_count": number(extraction.scene_count)}
    return {
        **_ended("processed", now),
        **scenes,
        "frames_count": number(extraction.frame_count),
        "frames_prefix": text(extraction.frames_prefix),
        "duration_seconds": number(round(extraction.duration_seconds, 2)),
        "total_frames": number(extraction.video_frame_count),
        "video_fps": number(round(extraction.video_frame_rate, 2)),
    }


def failed(reason: str, detail: str, now: float) -> Item:
    """Return the attributes of a final failure."""
    return {**_ended("failed", now), "error": text(failure_text(reason, detail))}


def is_processed(item: Item) -> bool:
    """Return whether the item says that the video is extracted."""
    return _status(item) == "processed"


def is_expired_claim(item: Item, now: float, lease_seconds: float) -> bool:
    """Return whether the older system started the item over `lease_seconds` ago, or at an invalid time."""
    if _status(item) != "processing" or _is_claimed(item):
        return False
    started = _started(item)
    return started is None or not now - lease_seconds < started < now + lease_seconds


def unchanged(item: Item) -> str:
    """Return the condition that the item has not changed since it was read."""
    same = (
        f"#{name} = :seen_{name}" if name in item else f"attribute_not_exists(#{name})"
        for name in ("processing_started_at", "claim_expires_at")
    )
    return " AND ".join(("#status = :processing", *same))


def _is_claimed(item: Item) -> bool:
    return "claim_started_at" in item and item["claim_started_at"] == item.get("processing_started_at")


def _started(item: Item) -> float | None:
    """Return seconds since 1970; earlier versions of this project wrote ISO 8601."""
    started = item.get("processing_started_at", EMPTY)
    if "N" in started:
        return float(started["N"])
    moment = read_time(started.get("S"))
    return moment.timestamp() if moment else None


def text(value: str) -> Value:
    """Return a text as a value of an item."""
    return {"S": value}


def number(value: float) -> Value:
    """Return a number as a value of an item."""
    return {"N": str(value)}


def whole_seconds(moment: float) -> Value:
    """Return a time, in seconds since 1970, as a whole number."""
    return number(int(moment))


def _status(item: Item) -> object:
    return item.get("status", EMPTY).get("S")


def _ended(status: str, now: float) -> Item:
    moment = whole_seconds(now)
    return {"status": text(status), "processing_finished_at": moment, "updated_at": moment}
