"""The wire format of messages, both ways: what producers may send, and what we send ourselves."""

from collections.abc import Sequence
from dataclasses import fields, replace
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
from extractor.models import (
    Detector,
    ExtractionJob,
    ImageFormat,
    MaxFramesMode,
    SamplingPolicy,
    SceneFrame,
    Strategy,
    checked_policy,
)


def _without_dot(value: object) -> object:
    return value.lower().removeprefix(".").replace("jpeg", "jpg") if isinstance(value, str) else value


def _as_tuple(value: object) -> object:
    return (
        tuple(float(item) if type(item) is int else item for item in value)
        if isinstance(value, list)
        else value
    )


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
    fps: float | None = Field(None, gt=0, le=1_000)
    timestamps_seconds: Annotated[tuple[float, ...], BeforeValidator(_as_tuple)] | None = Field(
        None,
        min_length=1,
        max_length=10_000,
        validation_alias=AliasChoices("timestamps", "timestamps_seconds"),
        serialization_alias="timestamps",
    )
    max_frames: int | None = Field(None, ge=1)
    max_frames_mode: MaxFramesMode | None = None
    tolerance_seconds: float | None = Field(
        None,
        ge=0,
        le=86_400,
        validation_alias=AliasChoices("tolerance", "tolerance_seconds"),
        serialization_alias="tolerance",
    )
    scene_detector: Detector | None = None
    scene_threshold: float | None = Field(None, ge=0, le=1_000_000)
    scene_frame: SceneFrame | None = None
    measures: bool | None = None
    skip_blank: bool | None = None
    skip_similar: int | None = Field(None, ge=0, le=64)
    quality: int | None = Field(None, ge=1, le=100)
    max_width: int | None = Field(None, ge=2, le=65_535)
    max_height: int | None = Field(None, ge=2, le=65_535)
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
        if self.fps is not None and self.interval_seconds is not None:
            raise ValueError("interval and fps exclude each other")
        return self

    def applied_to(self, policy: SamplingPolicy) -> SamplingPolicy:
        """`policy` with what this message asks for. Timestamps imply their strategy.

        Raises `ValueError` if that makes no sense as a whole.
        """
        asked = {
            field.name: value
            for field in fields(SamplingPolicy)
            if (value := getattr(self, field.name)) is not None
        }
        if self.fps is not None:
            asked["interval_seconds"] = 1 / self.fps
        if self.timestamps_seconds is not None:
            asked.setdefault("strategy", "timestamps")
        return checked_policy(replace(policy, **asked))


class _ItemsMessage(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    items: tuple[VideoMessage, ...] = Field(min_length=1)


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
    try:
        wanted = video.applied_to(policy)
    except ValueError as error:
        raise InvalidMessageError(str(error)) from error
    return ExtractionJob(
        code=str(code),
        platform=video.platform or platform,
        bucket=video.bucket,
        key=video.key,
        policy=wanted,
        receive_count=receive_count,
    )


def _explain(item: Any) -> str:
    field = ".".join(str(part) for part in item["loc"])
    text = item["msg"].removeprefix("Value error, ")
    return f"{field}: {text}" if field else text
