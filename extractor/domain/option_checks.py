"""Checks of sampling options against their declarations. Pure: no I/O.

Messages and command lines that give an option without effect are refused, with the reason. Settings are not:
they are defaults, and a message may choose the strategy, format or detector that uses them. The worker logs
them at its start.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, get_args

from msgspec import ValidationError, convert
from msgspec.structs import replace

from extractor.domain.option import SamplingOption
from extractor.domain.policy import DEFAULT_DETECTOR, SamplingPolicy
from extractor.domain.sampling_options import SAMPLING_OPTIONS


class NoEffectError(ValueError):
    """Options have no effect.

    Attributes:
        reasons: The options, each with the reason.
    """

    def __init__(self, reasons: Sequence[tuple[SamplingOption, str]]) -> None:
        self.reasons = reasons
        super().__init__(self.told(lambda option: option.name))

    def told(self, name_of: Callable[[SamplingOption], str | None]) -> str:
        """Return one line of text, with the names that `name_of` gives to the options."""
        return "; ".join(f"{name_of(option)}: has no effect: {why}" for option, why in self.reasons)


def with_options(
    policy: SamplingPolicy,
    given: Sequence[tuple[SamplingOption, Any]],
    options: Sequence[SamplingOption] = SAMPLING_OPTIONS,
) -> SamplingPolicy:
    """Return `policy` with options applied. Some options imply a strategy.

    Args:
        policy: The policy.
        given: The options with their values.
        options: The table of options.

    Raises:
        ValueError: The combined options are invalid, or a given option has no effect.
    """
    asked = {option.field: option.to_field(value) for option, value in given}
    for option, _ in given:
        if option.implied_strategy:
            asked.setdefault("strategy", option.implied_strategy)
    if asked.get("scene_detector") not in (None, policy.scene_detector or DEFAULT_DETECTOR):
        asked.setdefault("scene_threshold", None)  # thresholds of detectors have different scales
    combined = replace(policy, **asked)
    if "interval_seconds" in asked or combined.strategy != policy.strategy:
        combined = replace(combined, counts_frames=False)
    checked_policy(combined, options)
    refuse_without_effect(combined, {option.key for option, _ in given}, options)
    return combined


def parsed(option: SamplingOption, text: str) -> Any:
    """Return the value of an option from a text.

    Raises:
        ValueError: The text is no such value.
    """
    parts = text.split(",") if option.is_list else [text]
    kind = get_args(option.annotation)[0] if option.is_list else option.annotation
    try:
        values = [convert(part.strip(), kind, strict=False) for part in parts]
    except ValidationError:
        what = "a whole number" if kind is int else "a number"
        examples = "whole numbers such as 0,10,-1" if kind is int else "numbers such as 0,1.5,12"
        wanted = f"a list of {examples}" if option.is_list else what
        raise ValueError(f"must be {wanted}, not {text!r}") from None
    if option.max_items is not None and len(values) > option.max_items:
        raise ValueError(f"must have at most {option.max_items} values, not {len(values)}")
    for value in values:
        if problem := _out_of_range(option, value):
            raise ValueError(problem)
    return tuple(values) if option.is_list else values[0]


def refuse_without_effect(
    policy: SamplingPolicy,
    given: Collection[str],
    options: Sequence[SamplingOption] = SAMPLING_OPTIONS,
) -> None:
    """Check that every given option has an effect.

    Args:
        policy: The policy with all options applied.
        given: Keys of the options that are given.
        options: The table of options.

    Raises:
        NoEffectError: Some have none.
    """
    found = [option for option in options if option.key in given]
    reasons = [(option, why) for option in found if (why := option.why_no_effect(policy))]
    if reasons:
        raise NoEffectError(reasons)


def not_default(
    policy: SamplingPolicy, options: Sequence[SamplingOption] = SAMPLING_OPTIONS
) -> Collection[str]:
    """Return the keys of the options whose fields differ from their defaults."""
    default = type(policy)()
    return {
        option.key
        for option in options
        if option.key == option.field and getattr(policy, option.field) != getattr(default, option.field)
    }


def checked_policy(
    policy: SamplingPolicy, options: Sequence[SamplingOption] = SAMPLING_OPTIONS
) -> SamplingPolicy:
    """Return `policy` if it is valid.

    Raises:
        ValueError: An option has a wrong value.
    """
    for option, problem in problems(policy, options):
        raise ValueError(f"{option.name}: {problem}")
    return policy


def problems(
    policy: SamplingPolicy, options: Sequence[SamplingOption] = SAMPLING_OPTIONS
) -> Iterator[tuple[SamplingOption, str]]:
    """Yield what is wrong with a policy: the option that sets the wrong field, and why it is wrong."""
    for option in options:
        if option.key == option.field and (problem := _problem(option, getattr(policy, option.field))):
            yield option, problem
        elif option.invalid and (contradiction := option.invalid(policy)):
            yield option, contradiction
    default = type(policy)()
    for option in options:
        is_given = getattr(policy, option.field) != getattr(default, option.field)
        if option.implied_strategy and (policy.strategy == option.implied_strategy) != is_given:
            it = "them" if option.is_list else "it"
            yield (
                option,
                f"strategy {option.implied_strategy!r} needs {it}, and no other strategy accepts {it}",
            )


def _problem(option: SamplingOption, value: object) -> str | None:
    if option.choices:
        if value in option.choices or (value is None and option.default is None):
            return None
        return f"must be one of {', '.join(option.choices)}, not {value!r}"
    parts = value if isinstance(value, tuple) else () if value is None else (value,)
    if int in (option.annotation, *get_args(option.annotation)):
        for part in parts:
            if not isinstance(part, int):
                return f"must be a whole number, not {part!r}"
    return next((text for part in parts if (text := _out_of_range(option, part))), None)


def _out_of_range(option: SamplingOption, value: float) -> str | None:
    above, least, most = option.above, option.minimum, option.maximum
    if above is not None and not value > above:
        bound = f"greater than {above:g}" + ("" if most is None else f" and at most {most:g}")
    elif (least is None or value >= least) and (most is None or value <= most):
        return None
    elif least is None:
        bound = f"at most {most:g}"
    else:
        bound = f"at least {least:g}" if most is None else f"{least:g} to {most:g}"
    return f"must be {bound}, not {value!r}"
