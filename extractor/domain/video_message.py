"""Messages that request one video or several. Unknown fields are refused."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_args

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    create_model,
    model_validator,
)

from extractor.domain import keys
from extractor.domain.option import SamplingOption
from extractor.domain.option_checks import with_options
from extractor.domain.policy import SamplingPolicy
from extractor.domain.sampling_options import SAMPLING_OPTIONS

MAX_VIDEOS = 1_000


class SliceRequest(BaseModel):
    """The slice of a video that a worker has split; see `extractor.domain.jobs.FrameSlice`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    first: int = Field(ge=0)
    stop: int = Field(ge=1)
    total: int = Field(ge=1, lt=26**6)
    etag: str = Field(min_length=1, max_length=200)
    policy: str = Field(pattern=r"\A[0-9a-f]{64}\z")
    place: str = Field(min_length=1, max_length=2_000)
    manifest: str | None = Field(None, min_length=1, max_length=200)

    @model_validator(mode="after")
    def _is_a_slice(self) -> "SliceRequest":
        if not self.first < self.stop <= self.total:
            raise ValueError("first, stop and total must ascend")
        return self


class VideoRequest(BaseModel):
    """A request for one video, by code or by bucket and key. `message_model` adds the sampling options.

    Attributes:
        sampling_options: The options that are fields of the model, under their keys.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    sampling_options: ClassVar[Sequence[SamplingOption]] = ()

    code: str | None = Field(
        None, pattern=rf"\A{keys.CODE_PATTERN}\z", validation_alias=AliasChoices("code", "shortcode")
    )
    platform: str | None = Field(None, pattern=rf"\A{keys.PLATFORM_PATTERN}\z")
    bucket: str | None = Field(None, pattern=rf"\A{keys.BUCKET_PATTERN}\z")
    key: Annotated[str, Field(min_length=1), AfterValidator(keys.checked_key)] | None = None
    part: SliceRequest | None = Field(None, validation_alias="slice", serialization_alias="slice")

    @model_validator(mode="after")
    def _names_a_video(self) -> "VideoRequest":
        if self.code is None and self.key is None:
            raise ValueError("needs a code, or a bucket and a key")
        if (self.bucket is None) != (self.key is None):
            raise ValueError("bucket and key go together")
        setters: dict[str, str] = {}
        for option, _ in self._given():
            if (other := setters.setdefault(option.field, option.name)) != option.name:
                raise ValueError(f"{other} and {option.name} exclude each other")
        return self

    def applied_to(self, policy: SamplingPolicy) -> SamplingPolicy:
        """Return `policy` with the options of this message; see `with_options`.

        Raises:
            ValueError: The combined options are invalid, or an option of the message has no effect.
        """
        return with_options(policy, self._given(), self.sampling_options)

    def _given(self) -> list[tuple[SamplingOption, Any]]:
        """Return the options of this message with their values."""
        values = ((option, getattr(self, option.key)) for option in self.sampling_options)
        return [(option, value) for option, value in values if value is not None]


def message_model(options: Sequence[SamplingOption]) -> type[VideoRequest]:
    """Return the model of messages that have these sampling options."""
    fields: dict[str, Any] = {option.key: _field(option) for option in options}
    model = create_model("VideoMessage", __base__=VideoRequest, __module__=__name__, **fields)
    model.sampling_options = options
    model.__doc__ = (
        "A request for one video, by code or by bucket and key. Absent options follow the settings."
    )
    return model


def _field(option: SamplingOption) -> tuple[Any, Any]:
    """Return the annotation and the field of an option, which may be absent."""
    annotation = option.annotation
    if normalize := _as_tuple(option) if option.is_list else option.normalize:
        annotation = Annotated[annotation, BeforeValidator(normalize)]
    names: dict[str, Any] = {}
    if len(option.message_names) > 1:
        names["validation_alias"] = AliasChoices(*option.message_names)
    if option.name != option.key:
        names["serialization_alias"] = option.name
    return annotation | None, Field(None, **option.constraints, **names)


def _as_tuple(option: SamplingOption) -> Callable[[object], object]:
    """Return a function from a list to a tuple; whole numbers become those of the option's type."""
    kind = get_args(option.annotation)[0]

    def convert(value: object) -> object:
        if not isinstance(value, (list, range)):
            return value
        return tuple(kind(item) if type(item) is int else item for item in value)

    return convert


if TYPE_CHECKING:

    class VideoMessage(VideoRequest):
        """A request for one video, with the options of the table."""
else:
    VideoMessage = message_model(SAMPLING_OPTIONS)


class ItemsMessage(BaseModel):
    """A request for several videos."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    items: tuple[VideoMessage, ...] = Field(min_length=1, max_length=MAX_VIDEOS)
