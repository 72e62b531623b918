"""Decode messages to jobs, and encode messages.

A message requests videos (`extractor.domain.video_message`) or announces new objects
(`extractor.domain.s3_events`).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct
from pydantic import TypeAdapter, ValidationError

from extractor.domain import keys
from extractor.domain.jobs import ExtractionJob, FrameSlice
from extractor.domain.policy import SamplingPolicy
from extractor.domain.s3_events import CreatedObject, parse_created_objects, unwrap_sns
from extractor.domain.video_message import MAX_VIDEOS, ItemsMessage, VideoMessage
from extractor.errors import InvalidMessageError

__all__ = ["Request", "VideoMessage", "encode_message", "parse_message", "parse_requests"]

_MAX_ENVELOPES = 3
_BYTE_ORDER_MARK = "\ufeff"  # some editors and shells write it before a text

_object = TypeAdapter(dict[str, Any])


class Request(Struct, frozen=True):
    """One job of a message.

    Attributes:
        job: The job.
        message: The smallest message that requests only this job.
        is_announced: Whether the message announces a new object instead of requesting its frames.
    """

    job: ExtractionJob
    message: Mapping[str, Any]
    is_announced: bool = False

    @property
    def plain_message(self) -> Mapping[str, Any]:
        """A message that requests this job, and does not announce an object."""
        if not self.is_announced:
            return self.message
        job = self.job
        named = {"code": job.code, "platform": job.platform, "bucket": job.bucket, "key": job.key}
        return {name: value for name, value in named.items() if value is not None}


class _Defaults(Struct, frozen=True):
    """Values that all jobs of a message share."""

    policy: SamplingPolicy
    video_keys: Sequence[str]
    receive_count: int


def parse_message(
    body: object, policy: SamplingPolicy, video_keys: Sequence[str], receive_count: int = 1
) -> tuple[ExtractionJob, ...]:
    """Return the jobs of `parse_requests`."""
    return tuple(request.job for request in parse_requests(body, policy, video_keys, receive_count))


def parse_requests(
    body: object, policy: SamplingPolicy, video_keys: Sequence[str], receive_count: int = 1
) -> tuple[Request, ...]:
    """Decode a message.

    Args:
        body: JSON text, or a decoded object.
        policy: The default policy.
        video_keys: Templates of video keys.
        receive_count: Number of the delivery, from 1.

    Returns:
        Each job once; none for a message without jobs, such as S3's test event.

    Raises:
        InvalidMessageError: Names every wrong field. A message with one error is refused as a whole.
    """
    defaults = _Defaults(policy, video_keys, receive_count)
    requests: dict[ExtractionJob, Request] = {}
    for request in _requests(body, defaults, envelopes=0):
        requests.setdefault(request.job, request)
    if len(requests) > MAX_VIDEOS:
        raise InvalidMessageError(f"it requests {len(requests)} videos; at most {MAX_VIDEOS} are allowed")
    return tuple(requests.values())


def encode_message(video: VideoMessage) -> str:
    """Encode a message as JSON text, without absent options."""
    return video.model_dump_json(by_alias=True, exclude_none=True)


def _requests(body: object, defaults: _Defaults, envelopes: int) -> list[Request]:
    """Decode a body that is inside `envelopes` SNS envelopes."""
    if envelopes > _MAX_ENVELOPES:
        raise InvalidMessageError(f"it is inside more than {_MAX_ENVELOPES} envelopes")
    try:
        message = _decoded(body)
        if (bodies := unwrap_sns(message)) is not None:
            return _enveloped_requests(bodies, defaults, envelopes)
        if parse_created_objects(message) is not None:
            return list(_announced_requests(message, defaults))
        return _video_requests(message, defaults)
    except ValidationError as error:
        raise InvalidMessageError("; ".join(_explain(item) for item in error.errors())) from None


def _decoded(body: object) -> dict[str, Any]:
    if isinstance(body, str):
        return _object.validate_json(body.removeprefix(_BYTE_ORDER_MARK))
    if isinstance(body, bytes):
        return _object.validate_json(body.removeprefix(_BYTE_ORDER_MARK.encode()))
    message = _object.validate_python(body)
    try:
        json.dumps(message, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        raise InvalidMessageError("it has an unpaired surrogate, which is not a character") from error
    return message


def _enveloped_requests(bodies: Mapping[str, str], defaults: _Defaults, envelopes: int) -> list[Request]:
    requests = []
    for path, body in bodies.items():
        with _error_prefix(path):
            requests += _requests(body, defaults, envelopes + 1)
    return requests


def _video_requests(message: dict[str, Any], defaults: _Defaults) -> list[Request]:
    if "items" not in message:
        return [Request(_requested_job(VideoMessage.model_validate(message), defaults), message)]
    requests = []
    videos = ItemsMessage.model_validate(message).items
    for number, (video, item) in enumerate(zip(videos, message["items"], strict=True)):
        with _error_prefix(f"items.{number}"):
            requests.append(Request(_requested_job(video, defaults), item))
    return requests


def _announced_requests(message: dict[str, Any], defaults: _Defaults) -> Iterator[Request]:
    """Yield the requests of a valid S3 event."""
    parts: Iterable[dict[str, Any]] = [message]
    if "Records" in message:
        parts = ({"Records": [record]} for record in message["Records"])
    for part in parts:
        for created in parse_created_objects(part) or ():
            yield Request(_announced_job(created, defaults), part, is_announced=True)


def _requested_job(video: VideoMessage, defaults: _Defaults) -> ExtractionJob:
    named = (video.platform, video.code) if video.code else None
    platform, code = named or keys.parse_video_key(defaults.video_keys, video.key or "")
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
        part=FrameSlice(**video.part.model_dump()) if video.part else None,
    )


def _announced_job(created: CreatedObject, defaults: _Defaults) -> ExtractionJob:
    platform, code = keys.parse_video_key(defaults.video_keys, created.key)
    return ExtractionJob(
        code=code,
        platform=platform,
        bucket=created.bucket,
        key=created.key,
        policy=defaults.policy,
        receive_count=defaults.receive_count,
    )


@contextmanager
def _error_prefix(path: str) -> Iterator[None]:
    """Prefix errors with the path in the message."""
    try:
        yield
    except InvalidMessageError as error:
        raise InvalidMessageError(f"{path}: {error}") from error


def _explain(item: Any) -> str:
    field = ".".join(str(part) for part in item["loc"])
    text = item["msg"].removeprefix("Value error, ")
    return f"{field}: {text}" if field else text
