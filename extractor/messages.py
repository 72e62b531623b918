"""The wire format of messages, both ways: what is sent to us, and what we send ourselves.

A message asks for videos (`extractor.video_message`) or announces new objects (`extractor.s3_events`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct
from pydantic import TypeAdapter, ValidationError

from extractor import keys
from extractor.errors import InvalidMessageError
from extractor.models import ExtractionJob
from extractor.policy import SamplingPolicy
from extractor.s3_events import CreatedObject, carried_bodies, created_objects
from extractor.video_message import MAX_VIDEOS, ItemsMessage, VideoMessage

__all__ = ["VideoMessage", "encode_message", "parse_message"]

_MAX_ENVELOPES = 3

_object = TypeAdapter(dict[str, Any])


class _Defaults(Struct, frozen=True):
    """What holds for every job of a message, whatever it says."""

    policy: SamplingPolicy
    video_keys: Sequence[str]
    receive_count: int


def parse_message(
    body: object, policy: SamplingPolicy, video_keys: Sequence[str], receive_count: int = 1
) -> tuple[ExtractionJob, ...]:
    """The jobs that a message asks for, each once. `body` is JSON text or an object already decoded.

    None for what asks for nothing, such as S3's test event. Raises `InvalidMessageError` naming every wrong
    field; what is broken in one place is refused as a whole.
    """
    jobs = tuple(dict.fromkeys(_jobs(body, _Defaults(policy, video_keys, receive_count), envelopes=0)))
    if len(jobs) > MAX_VIDEOS:
        raise InvalidMessageError(f"it asks for {len(jobs)} videos; at most {MAX_VIDEOS} are allowed")
    return jobs


def encode_message(video: VideoMessage) -> str:
    """The JSON text that `parse_message` reads; absent options are left out."""
    return video.model_dump_json(by_alias=True, exclude_none=True)


def _jobs(body: object, defaults: _Defaults, envelopes: int) -> list[ExtractionJob]:
    """`body` lies within so many envelopes."""
    if envelopes > _MAX_ENVELOPES:
        raise InvalidMessageError(f"it lies within more than {_MAX_ENVELOPES} envelopes")
    try:
        message = (
            _object.validate_json(body) if isinstance(body, str | bytes) else _object.validate_python(body)
        )
        if (carried := carried_bodies(message)) is not None:
            return _carried_jobs(carried, defaults, envelopes)
        if (created := created_objects(message)) is not None:
            return [_announced_job(item, defaults) for item in created]
        return _asked_jobs(message, defaults)
    except ValidationError as error:
        raise InvalidMessageError("; ".join(_explain(item) for item in error.errors())) from None


def _carried_jobs(bodies: Mapping[str, str], defaults: _Defaults, envelopes: int) -> list[ExtractionJob]:
    jobs = []
    for place, body in bodies.items():
        with _at(place):
            jobs += _jobs(body, defaults, envelopes + 1)
    return jobs


def _asked_jobs(message: dict[str, Any], defaults: _Defaults) -> list[ExtractionJob]:
    if "items" not in message:
        return [_asked_job(VideoMessage.model_validate(message), defaults)]
    jobs = []
    for number, video in enumerate(ItemsMessage.model_validate(message).items):
        with _at(f"items.{number}"):
            jobs.append(_asked_job(video, defaults))
    return jobs


def _asked_job(video: VideoMessage, defaults: _Defaults) -> ExtractionJob:
    named = (video.platform, video.code) if video.code else None
    platform, code = named or keys.identify(defaults.video_keys, video.key or "")
    try:
        policy = video.applied_to(defaults.policy)
    except ValueError as error:
        raise InvalidMessageError(str(error)) from error
    return ExtractionJob(
        code=code,
        platform=video.platform or platform,
        bucket=video.bucket,
        key=video.key,
        policy=policy,
        receive_count=defaults.receive_count,
    )


def _announced_job(created: CreatedObject, defaults: _Defaults) -> ExtractionJob:
    platform, code = keys.identify(defaults.video_keys, created.key)
    return ExtractionJob(
        code=code,
        platform=platform,
        bucket=created.bucket,
        key=created.key,
        policy=defaults.policy,
        receive_count=defaults.receive_count,
    )


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Names the place in what is refused there."""
    try:
        yield
    except InvalidMessageError as error:
        raise InvalidMessageError(f"{place}: {error}") from error


def _explain(item: Any) -> str:
    field = ".".join(str(part) for part in item["loc"])
    text = item["msg"].removeprefix("Value error, ")
    return f"{field}: {text}" if field else text
