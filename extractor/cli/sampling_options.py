"""The sampling options of the command lines, made from the table of options."""

import argparse
from collections.abc import Callable
from typing import Any, get_args

from pydantic import ValidationError

from extractor.domain.messages import VideoMessage
from extractor.domain.option import OptionGroup, SamplingOption
from extractor.domain.policy import SamplingPolicy
from extractor.domain.video_message import VideoRequest

_GROUPS: tuple[OptionGroup, ...] = get_args(OptionGroup)


def add_sampling_options(
    parser: argparse.ArgumentParser,
    *,
    defaults: SamplingPolicy | None,
    message: type[VideoRequest] = VideoMessage,
) -> None:
    """Add the groups of sampling options. Options that are not given are ``None``.

    Args:
        parser: The parser.
        defaults: Defaults that the help texts name. ``None`` for options of many videos: then the settings of
            the worker apply, and options that fit only one video are left out.
        message: The model of messages that has the options.
    """
    groups = {group: parser.add_argument_group(group) for group in _GROUPS}
    options = [option for option in message.sampling_options if option.setting or defaults is not None]
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
            **_value(option, message, is_for_many=defaults is None),
        )


def _value(option: SamplingOption, message: type[VideoRequest], *, is_for_many: bool) -> dict[str, Any]:
    """Return how argparse reads the value."""
    if option.annotation is bool:
        return {"action": "store_const", "const": True}
    if option.choices:
        return {"choices": option.common_choices if is_for_many else option.choices}
    return {
        "metavar": option.metavar,
        "type": _numbers if option.is_list else field_of_message(option.key, message),
    }


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


def asked_for(arguments: argparse.Namespace, message: type[VideoRequest] = VideoMessage) -> dict[str, object]:
    """Return the given options, by the names of the fields of a message."""
    found = {option.key: getattr(arguments, option.key, None) for option in message.sampling_options}
    return {name: value for name, value in found.items() if value is not None}


def field_of_message(name: str, message: type[VideoRequest] = VideoMessage) -> Callable[[str], object]:
    """Return an argument type with the type and the bounds of a field of a message."""

    def convert(text: str) -> object:
        try:
            request = message.model_validate({"code": "any", name: text}, strict=False)
        except ValidationError as error:
            raise argparse.ArgumentTypeError("; ".join(item["msg"] for item in error.errors())) from error
        return getattr(request, name)

    return convert


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of seconds such as 0,1.5,12") from error
