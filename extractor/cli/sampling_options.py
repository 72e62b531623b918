"""The sampling options of the command lines, made from the table of options."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any, get_args

from extractor.domain.option import OptionGroup, SamplingOption
from extractor.domain.option_checks import parsed
from extractor.domain.policy import SamplingPolicy
from extractor.domain.sampling_options import SAMPLING_OPTIONS

_GROUPS: tuple[OptionGroup, ...] = get_args(OptionGroup)


def add_sampling_options(
    parser: argparse.ArgumentParser,
    *,
    defaults: SamplingPolicy | None,
    options: Sequence[SamplingOption] = SAMPLING_OPTIONS,
) -> None:
    """Add the groups of sampling options. Options that are not given are ``None``.

    Args:
        parser: The parser.
        defaults: Defaults that the help texts name. ``None`` for options of many videos: then the settings of
            the worker apply, and options that fit only one video are left out.
        options: The table of options.
    """
    groups = {group: parser.add_argument_group(group) for group in _GROUPS}
    options = [option for option in options if option.setting or defaults is not None]
    alternatives: dict[str, argparse._ActionsContainer] = {}
    for option in options:
        target: argparse._ActionsContainer = groups[option.group]
        if sum(option.field == other.field for other in options) > 1:
            if option.field not in alternatives:
                alternatives[option.field] = target.add_mutually_exclusive_group()
            target = alternatives[option.field]
        target.add_argument(
            option.flag,
            dest=option.key,
            help=f"{_help(option, defaults)} ({_default(option, defaults)})",
            **_value(option, is_for_many=defaults is None),
        )


def _value(option: SamplingOption, *, is_for_many: bool) -> dict[str, Any]:
    """Return how argparse reads the value."""
    if option.annotation is bool:
        return {"action": "store_const", "const": True}
    if option.choices:
        return {"choices": option.common_choices if is_for_many else option.choices}
    return {"metavar": option.metavar, "type": _parser(option)}


def _parser(option: SamplingOption) -> Callable[[str], object]:
    def parse(text: str) -> object:
        try:
            return parsed(option, text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse


def _help(option: SamplingOption, defaults: SamplingPolicy | None) -> str:
    return option.help if defaults is None else option.help + option.one_video_help


def _default(option: SamplingOption, defaults: SamplingPolicy | None) -> str:
    if defaults is None:
        return "default: the setting of the worker"
    if option.no_default is not None:
        return f"default: {option.no_default}"
    value = getattr(defaults, option.field)
    if isinstance(value, float):
        return f"default: {value:g}"
    return "default: no" if value is False else f"default: {value}"


def asked_for(
    arguments: argparse.Namespace, options: Sequence[SamplingOption] = SAMPLING_OPTIONS
) -> list[tuple[SamplingOption, Any]]:
    """Return the given options with their values."""
    found = [(option, getattr(arguments, option.key, None)) for option in options]
    return [(option, value) for option, value in found if value is not None]
