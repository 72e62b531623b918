"""Items of the DynamoDB table of an older system: what is written to one, and what it says. Pure.

Times are whole seconds since 1970, as the older system writes them; ISO 8601, which was written before, is
still read. A claim has an owner and an end, except where the older system made it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from extractor.models import Extraction, SourceVideo
from extractor.state_values import failure_text, read_time

Value: TypeAlias = Mapping[str, Any]  # {"S": text}, {"N": digits} …
Item: TypeAlias = Mapping[str, Value]
NOTHING: Mapping[str, Any] = {}

CLAIM = ("claim_owner", "claim_expires_at")

# Conditions. `:now` is in seconds since 1970, `:owner` is the worker that asks.
# Nobody is at it: there is no status yet, or an earlier attempt failed, or its claim is ours or over.
FREE = (
    "(attribute_not_exists(#status) OR (#status <> :processed AND "
    "(#status <> :processing OR #claim_owner = :owner OR #claim_expires_at <= :now)))"
)
OURS = "#status = :processing AND #claim_owner = :owner"


def operands(owner: str, now: float, seen: Item) -> Item:
    """What conditions compare with; `seen` is an item as it was."""
    statuses = {status: text(status) for status in ("processing", "processed")}
    before = {f"seen_{name}": value for name, value in seen.items()}
    return {"owner": text(owner), "now": number(now), **statuses, **before}


def expressions(changes: Item, remove: Sequence[str], condition: str, operands: Item) -> dict[str, Any]:
    """The parameters of UpdateItem that say what to do. DynamoDB refuses names and values without a use."""
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


def claimed(source: SourceVideo, owner: str, now: float, lease_seconds: float) -> Item:
    started = _time(now)
    return {
        "status": text("processing"),
        "original_key": text(source.key),
        "processing_started_at": started,
        "updated_at": started,
        "claim_owner": text(owner),
        "claim_expires_at": number(now + lease_seconds),
    }


def processed(extraction: Extraction, now: float) -> Item:
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
    return {**_ended("failed", now), "error": text(failure_text(reason, detail))}


def is_processed(item: Item) -> bool:
    return _status(item) == "processed"


def is_abandoned(item: Item, since: float) -> bool:
    """Whether the older system began with it before `since`, or at no time that can be read: its claims
    have no end of their own."""
    if _status(item) != "processing" or "claim_expires_at" in item:
        return False
    started = _seconds(item.get("processing_started_at", NOTHING))
    return started is None or started <= since


def unchanged(item: Item) -> str:
    """The condition that nobody has touched an item of the older system since it was seen."""
    started = "processing_started_at"
    same = f"#{started} = :seen_{started}" if started in item else f"attribute_not_exists(#{started})"
    return f"#status = :processing AND attribute_not_exists(#claim_expires_at) AND {same}"


def text(value: str) -> Value:
    return {"S": value}


def number(value: float) -> Value:
    return {"N": str(value)}


def _status(item: Item) -> object:
    return item.get("status", NOTHING).get("S")


def _ended(status: str, now: float) -> Item:
    moment = _time(now)
    return {"status": text(status), "processing_finished_at": moment, "updated_at": moment}


def _time(now: float) -> Value:
    return number(int(now))


def _seconds(value: Value) -> float | None:
    """Seconds since 1970; `None` if that cannot be read."""
    if "N" in value:
        return float(value["N"])
    moment = read_time(value.get("S"))
    return moment.timestamp() if moment else None
