"""The settings of sampling, made from the table of options. They apply to messages without options."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec.structs import replace
from pydantic import BeforeValidator, Field, create_model

from extractor.domain.option import SamplingOption
from extractor.domain.option_checks import NoEffectError, problems, refuse_without_effect
from extractor.domain.policy import SamplingPolicy
from extractor.domain.sampling_options import SAMPLING_OPTIONS
from extractor.settings.storage import StorageSettings


class SamplingDefaults(StorageSettings):
    """The defaults of messages. `sampling_settings` adds the options.

    Attributes:
        sampling_options: The options that are fields of the model, under the names of their settings.
        policy_type: The policy whose fields they set.
    """

    sampling_options: ClassVar[Sequence[SamplingOption]] = ()
    policy_type: ClassVar[type[SamplingPolicy]] = SamplingPolicy

    @property
    def policy(self) -> SamplingPolicy:
        """The sampling policy of messages without their own options."""
        values = {
            field: option.to_field(getattr(self, option.setting or ""))
            for field, option in self._options.items()
        }
        policy = self.policy_type(**values)
        return replace(policy, counts_frames=True) if self._counts_frames(policy) else policy

    @property
    def idle_options(self) -> str | None:
        """The sampling options without effect on a message without options, with the reasons, or ``None``.

        A message may choose the strategy, format or detector that uses them, so they are not rejected. Only
        values that differ from their default count as set.
        """
        given = {
            option.key
            for option in self._options.values()
            if getattr(self, option.setting or "") != option.default
        }
        try:
            refuse_without_effect(self.policy, given, self.sampling_options)
        except NoEffectError as error:
            return error.told(lambda option: option.variable)
        return None

    @property
    def wrong_options(self) -> list[str]:
        """What is wrong with the policy though each setting alone is in range."""
        wrong = []
        for option, problem in problems(self.policy, self.sampling_options):
            given = self._options[option.field]
            wrong.append(f"{given.variable}: {problem if given is option else f'{option.name} {problem}'}")
        return wrong

    @property
    def _options(self) -> Mapping[str, SamplingOption]:
        """The option that sets each field of the policy.

        If several options set the same field, the last one that is not at its default does.
        """
        options: dict[str, SamplingOption] = {}
        for option in self.sampling_options:
            if option.setting and (
                option.field not in options or getattr(self, option.setting) != option.default
            ):
                options[option.field] = option
        return options

    def _counts_frames(self, policy: SamplingPolicy) -> bool:
        """Return whether EXTRACT_FPS has the meaning of the system with DynamoDB."""
        option = self._options["interval_seconds"]
        return (
            self.state_backend == "dynamodb"
            and option.setting == "extract_fps"
            and option.is_used_by(policy.strategy)
        )


def sampling_settings(
    options: Sequence[SamplingOption], policy_type: type[SamplingPolicy] = SamplingPolicy
) -> type[SamplingDefaults]:
    """Return the settings that have these options.

    Args:
        options: The table of options.
        policy_type: The policy that has their fields.
    """
    fields: dict[str, Any] = {option.setting: _field(option) for option in options if option.setting}
    model = create_model("SamplingSettings", __base__=SamplingDefaults, __module__=__name__, **fields)
    model.sampling_options = options
    model.policy_type = policy_type
    return model


def _field(option: SamplingOption) -> tuple[Any, Any]:
    """Return the annotation and the field of a setting."""
    annotation = Literal[option.common_choices] if option.choices else option.annotation
    if option.default is None:
        annotation = annotation | None
        if option.choices:
            annotation = Annotated[annotation, BeforeValidator(_none)]
    return annotation, Field(option.default, description=option.setting_help, **option.constraints)


def _none(text: object) -> object:
    return None if text == "none" else text


if TYPE_CHECKING:

    class SamplingSettings(SamplingDefaults):
        """The defaults of messages, with the options of the table."""
else:
    SamplingSettings = sampling_settings(SAMPLING_OPTIONS)
