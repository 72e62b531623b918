"""The declaration of a sampling option. Pure: no I/O. `extractor.domain.sampling_options` has all of them."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, get_args, get_origin

from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from extractor.domain.policy import STRATEGY_TEXTS, SamplingPolicy, Strategy

OptionGroup = Literal["frame selection", "analysis", "image output"]


class SamplingOption(Struct, frozen=True, kw_only=True):
    """A sampling option. `sampling_option` makes one.

    Attributes:
        key: Name in the Python model of a message and in parsed arguments.
        name: Name in a message; the flag is derived from it.
        aliases: Other names in a message.
        setting: Name of the setting in lower case. ``None`` if a value fits only one video: then neither
            settings nor command lines for many videos have the option.
        field: The field of the policy that it sets.
        annotation: Type of a value.
        one_video_choices: Choices that fit only one video.
        default: Value of the setting if it is not set.
        help: Help text of the flag.
        one_video_help: Appended to `help` on command lines for one video.
        setting_help: Description of the setting.
        group: Group of the flag.
        metavar: Placeholder of the flag's value in help texts.
        no_default: What the flag's help text says instead of a default value.
        above: The value must be greater; for a lower limit that is not itself allowed.
        minimum: Least value, or of each value of a list.
        maximum: Greatest value, or of each value of a list.
        max_items: Greatest length of a list.
        strategies: The strategies that use it; empty if all do.
        strategies_text: What only these strategies do, with ``{}`` for their names.
        implied_strategy: The strategy that is chosen by giving the option, and that needs it.
        invalid: Returns why its value contradicts the other values of a policy.
        unused: Returns why it has no effect with a policy, apart from the strategy.
        normalize: Applied to a value of a message before validation.
        convert: Makes the value of the field of a value of the option.
    """

    key: str
    name: str
    field: str
    annotation: Any
    help: str
    group: OptionGroup
    one_video_help: str = ""
    one_video_choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    setting: str | None = None
    setting_help: str = ""
    default: Any = None
    metavar: str | None = None
    no_default: str | None = None
    above: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    max_items: int | None = None
    strategies: tuple[Strategy, ...] = ()
    strategies_text: str = ""
    implied_strategy: Strategy | None = None
    invalid: Callable[[SamplingPolicy], str | None] | None = None
    unused: Callable[[SamplingPolicy], str | None] | None = None
    normalize: Callable[[object], object] | None = None
    convert: Callable[[Any], object] | None = None

    @property
    def flag(self) -> str:
        """The flag of command lines."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str | None:
        """The environment variable of the setting."""
        return None if self.setting is None else self.setting.upper()

    @property
    def choices(self) -> tuple[str, ...]:
        """The allowed texts; empty if the value is no choice."""
        return get_args(self.annotation) if get_origin(self.annotation) is Literal else ()

    @property
    def common_choices(self) -> tuple[str, ...]:
        """The allowed texts where a value stands for many videos: in settings, for example."""
        return tuple(choice for choice in self.choices if choice not in self.one_video_choices)

    @property
    def is_list(self) -> bool:
        """Whether the value is a list."""
        return get_origin(self.annotation) is tuple

    @property
    def message_names(self) -> tuple[str, ...]:
        """All names in a message; the first is the usual one."""
        return tuple(dict.fromkeys((self.name, *self.aliases, self.key)))

    @property
    def constraints(self) -> Mapping[str, Any]:
        """The bounds, by the names that pydantic gives them."""
        limits: dict[str, float | None]
        if self.is_list:
            limits = {"min_length": 1, "max_length": self.max_items}
        elif self.above is not None:
            limits = {"gt": self.above, "le": self.maximum}
        else:
            limits = {"ge": self.minimum, "le": self.maximum}
        return {name: limit for name, limit in limits.items() if limit is not None}

    def is_used_by(self, strategy: Strategy) -> bool:
        """Return whether the strategy uses the option."""
        return not self.strategies or strategy in self.strategies

    def to_field(self, value: Any) -> Any:
        """Return the value of the policy's field that a value of the option stands for."""
        return self.convert(value) if self.convert else value

    def why_no_effect(self, policy: SamplingPolicy) -> str | None:
        """Return why the option has no effect with this policy; ``None`` if it has one."""
        if not self.is_used_by(policy.strategy):
            users = self.strategies_text.format(" and ".join(map(repr, self.strategies)))
            return f"the strategy is {policy.strategy!r}; {users}"
        return self.unused(policy) if self.unused else None


def sampling_option(
    key: str,
    *,
    policy: type[SamplingPolicy] = SamplingPolicy,
    name: str | None = None,
    setting: str | None = None,
    one_video: bool = False,
    field: str | None = None,
    **declared: Any,
) -> SamplingOption:
    """Declare an option. Its type and its default are those of the policy's field.

    Args:
        key: See `SamplingOption`.
        policy: The policy that has the field.
        name: The name in a message, if it is not `key`.
        setting: The name of the setting, if it is not `name`.
        one_video: Whether a value fits only one video, so that there is no setting.
        field: The field of the policy, if it is not `key`. Its default is then not that of the option.
        declared: The other attributes of `SamplingOption`.
    """
    info = _fields_of(policy)[field or key]
    (annotation,) = {*_alternatives(info.type)} - {type(None)}
    return SamplingOption(
        key=key,
        name=name or key,
        setting=None if one_video else setting or name or key,
        field=field or key,
        annotation=annotation,
        default=None if field or info.default is NODEFAULT else info.default,
        **declared,
    )


def strategy_option(others: Sequence[SamplingOption]) -> SamplingOption:
    """Declare the option ``strategy``.

    Strategies that need an option of one video are not allowed where a value stands for many videos.

    Args:
        others: All other options.
    """
    names: tuple[Strategy, ...] = get_args(Strategy)
    one_video = [name for name in names if any(name == o.implied_strategy and not o.setting for o in others)]
    common = [name for name in names if name not in one_video]
    texts = [STRATEGY_TEXTS[name] for name in common]
    return sampling_option(
        "strategy",
        one_video_choices=tuple(one_video),
        help=f"{', '.join(texts[:-1])}, or {texts[-1]}",
        one_video_help="".join(f"; or {STRATEGY_TEXTS[name]}" for name in one_video),
        setting_help=f"{_listed(common)}; only messages have {_listed(one_video)}",
        group="frame selection",
    )


@cache
def _fields_of(policy: type[SamplingPolicy]) -> Mapping[str, FieldInfo]:
    return {info.name: info for info in fields(policy)}


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return the types of a union; otherwise the type alone."""
    parts = get_args(annotation)
    return parts if type(None) in parts else (annotation,)


def _listed(parts: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
