"""The wire format of messages, both ways: what producers may send, and what we send ourselves."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from extractor import keys
from extractor.errors import InvalidMessageError
from extractor.models import ExtractionJob, ImageFormat, SamplingPolicy, Strategy


def _without_dot(value: object) -> object:
    return value.lower().removeprefix(".").replace("jpeg", "jpg") if isinstance(value, str) else value


class VideoMessage(BaseModel):
    """One video: by code, or by bucket and key. Options that are absent follow the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    code: str | None = Field(
        None, pattern=rf"\A{keys.CODE_PATTERN}\z", validation_alias=AliasChoices("code", "shortcode")
    )
    platform: str | None = Field(None, pattern=rf"\A{keys.PLATFORM_PATTERN}\z")
    bucket: str | None = Field(None, pattern=r"\A[A-Za-z0-9.\-_]{3,255}\z")
    key: str | None = Field(None, min_length=1, max_length=1024)

    strategy: Strategy | None = None
    interval_seconds: float | None = Field(
        None,
        gt=0,
        le=86_400,
        validation_alias=AliasChoices("interval", "frame_interval", "interval_seconds"),
        serialization_alias="interval",
    )
    quality: int | None = Field(None, ge=1, le=100)
    max_frames: int | None = Field(None, ge=1)
    image_format: Annotated[ImageFormat, BeforeValidator(_without_dot)] | None = Field(
        None,
        validation_alias=AliasChoices("format", "ext", "image_format"),
        serialization_alias="format",
    )

    @model_validator(mode="after")
    def _names_a_video(self) -> "VideoMessage":
        if self.code is None and self.key is None:
            raise ValueError("needs a code, or a bucket and a key")
        if (self.bucket is None) != (self.key is None):
            raise ValueError("bucket and key go together")
        return self


class _ItemsMessage(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    items: tuple[VideoMessage, ...] = Field(min_length=1)


_POLICY_FIELDS = ("strategy", "interval_seconds", "quality", "max_frames", "image_format")
_video = TypeAdapter(VideoMessage)
_items = TypeAdapter(_ItemsMessage)


def parse_message(
    body: object, policy: SamplingPolicy, video_keys: Sequence[str], receive_count: int = 1
) -> tuple[ExtractionJob, ...]:
    """The jobs that a message asks for. `body` is JSON text or an object already decoded.

    Raises `InvalidMessageError` naming every wrong field.
    """
    try:
        message = _decode(body)
        videos = (
            _items.validate_python(message).items
            if "items" in message
            else (_video.validate_python(message),)
        )
    except ValidationError as error:
        raise InvalidMessageError("; ".join(_explain(item) for item in error.errors())) from None
    return tuple(_job(video, policy, video_keys, receive_count) for video in videos)


def encode_message(video: VideoMessage) -> str:
    """The JSON text that `parse_message` reads; absent options are left out."""
    return video.model_dump_json(by_alias=True, exclude_none=True)


def _decode(body: object) -> dict[str, Any]:
    adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
    return adapter.validate_json(body) if isinstance(body, str | bytes) else adapter.validate_python(body)


def _job(
    video: VideoMessage, policy: SamplingPolicy, video_keys: Sequence[str], receive_count: int
) -> ExtractionJob:
    identity = (video.platform, video.code) if video.code else keys.identify(video_keys, video.key or "")
    if identity is None:
        raise InvalidMessageError("key: no code follows from it; send a code as well")
    platform, code = identity
    asked = {name: getattr(video, name) for name in _POLICY_FIELDS if getattr(video, name) is not None}
    return ExtractionJob(
        code=str(code),
        platform=video.platform or platform,
        bucket=video.bucket,
        key=video.key,
        policy=replace(policy, **asked),
        receive_count=receive_count,
    )


def _explain(item: Any) -> str:
    field = ".".join(str(part) for part in item["loc"])
    text = item["msg"].removeprefix("Value error, ")
    return f"{field}: {text}" if field else text
