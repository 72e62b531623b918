"""Messages that request one video or several. Unknown fields are refused."""

from typing import Annotated

from msgspec.structs import fields, replace
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from extractor.domain import keys
from extractor.domain.option_effects import refuse_without_effect
from extractor.domain.policy import (
    DEFAULT_DETECTOR,
    Detector,
    ImageFormat,
    MaxFramesMode,
    SamplingPolicy,
    SceneFrame,
    Strategy,
    checked_policy,
)

MAX_VIDEOS = 1_000


def _without_dot(value: object) -> object:
    return value.lower().removeprefix(".").replace("jpeg", "jpg") if isinstance(value, str) else value


def _as_tuple(value: object) -> object:
    return (
        tuple(float(item) if type(item) is int else item for item in value)
        if isinstance(value, list)
        else value
    )


class VideoMessage(BaseModel):
    """A request for one video, by code or by bucket and key. Absent options follow the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    code: str | None = Field(
        None, pattern=rf"\A{keys.CODE_PATTERN}\z", validation_alias=AliasChoices("code", "shortcode")
    )
    platform: str | None = Field(None, pattern=rf"\A{keys.PLATFORM_PATTERN}\z")
    bucket: str | None = Field(None, pattern=rf"\A{keys.BUCKET_PATTERN}\z")
    key: Annotated[str, Field(min_length=1), AfterValidator(keys.checked_key)] | None = None

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
        """Return `policy` with the options of this message. Timestamps imply their strategy.

        Raises:
            ValueError: The combined options are invalid, or an option of the message has no effect.
        """
        asked = {
            field.name: value
            for field in fields(SamplingPolicy)
            if (value := getattr(self, field.name, None)) is not None
        }
        given = asked.keys() | ({"fps"} if self.fps is not None else set())
        if self.fps is not None:
            asked["interval_seconds"] = 1 / self.fps
        if self.timestamps_seconds is not None:
            asked.setdefault("strategy", "timestamps")
        if "interval_seconds" in asked or asked.get("strategy", "uniform") != "uniform":
            asked["counts_frames"] = False
        if self.scene_detector not in (None, policy.scene_detector or DEFAULT_DETECTOR):
            asked.setdefault("scene_threshold", None)  # thresholds of detectors have different scales
        combined = checked_policy(replace(policy, **asked))
        refuse_without_effect(combined, given)
        return combined


class ItemsMessage(BaseModel):
    """A request for several videos."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    items: tuple[VideoMessage, ...] = Field(min_length=1, max_length=MAX_VIDEOS)
