"""Parse the command lines of scripts/deploy.sh and scripts/destroy.sh, which print the help texts."""

import re
import unicodedata
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from extractor.cli.terminal import text_argument
from infra.errors import ArgumentsError
from infra.parameters import parameter_of

_DEFAULT_STACK = "frame-extractor"
_PARAMETER_OPTIONS = {
    "--image-uri": "ImageUri",
    "--supabase-url": "SupabaseUrl",
    "--supabase-secret-arn": "SupabaseKeySecretArn",
    "--state-backend": "StateBackend",
    "--videos-bucket": "VideosBucket",
    "--frames-bucket": "FramesBucket",
    "--alarm-topic-arn": "AlarmTopicArn",
    "--memory": "MemoryMb",
    "--timeout": "TimeoutSeconds",
}
"""Options with a name of their own, and the template parameters that they set."""

_Assignment = tuple[str, str]


@dataclass(frozen=True, slots=True)
class DestroyOptions:
    """The command line of destroy.sh.

    Attributes:
        stack: Name of the stack.
        region: AWS region; ``None`` is the usual one.
        ask: Whether to ask before AWS changes anything.
    """

    stack: str
    region: str | None
    ask: bool


@dataclass(frozen=True, slots=True)
class DeployOptions(DestroyOptions):
    """The command line of deploy.sh.

    Attributes:
        parameters: Template parameters that were given, by name.
        tags: Tags of the stack.
    """

    parameters: Mapping[str, str]
    tags: Mapping[str, str]


class _Parser(ArgumentParser):
    """Reports wrong usage in one line. Values of unknown options, which may be secret, are left out."""

    def __init__(self, stack_name: Callable[[str], str]) -> None:
        super().__init__(add_help=False, allow_abbrev=False)
        self.add_argument("--stack", type=stack_name, default=_DEFAULT_STACK)
        self.add_argument("--region", type=_text)
        self.add_argument("--yes", action="store_true")

    def error(self, message: str) -> NoReturn:
        raise ArgumentsError(f"{message.removeprefix('argument ')}; see --help")


def deploy_parser() -> ArgumentParser:
    """Return the parser of deploy.sh."""
    parser = _Parser(_new_stack_name)
    for option, parameter in _PARAMETER_OPTIONS.items():
        parser.add_argument(option, dest="given", action="append", type=partial(_parameter_value, parameter))
    parser.add_argument("--set", dest="given", action="append", type=_setting)
    parser.add_argument("--parameter", dest="given", action="append", type=partial(_assignment, "NAME=VALUE"))
    parser.add_argument("--tag", dest="tags", action="append", type=partial(_assignment, "KEY=VALUE"))
    return parser


def destroy_parser() -> ArgumentParser:
    """Return the parser of destroy.sh."""
    return _Parser(_text)


def parse_deploy(arguments: Sequence[str]) -> DeployOptions:
    """Parse the arguments of deploy.sh. Of several values for one parameter, the last one counts.

    Raises:
        ArgumentsError: They are wrong.
    """
    parsed, unknown = deploy_parser().parse_known_args(arguments)
    _refuse(unknown)
    return DeployOptions(
        parsed.stack, parsed.region, not parsed.yes, dict(parsed.given or ()), dict(parsed.tags or ())
    )


def parse_destroy(arguments: Sequence[str]) -> DestroyOptions:
    """Parse the arguments of destroy.sh.

    Raises:
        ArgumentsError: They are wrong.
    """
    parsed, unknown = destroy_parser().parse_known_args(arguments)
    _refuse(unknown)
    return DestroyOptions(parsed.stack, parsed.region, not parsed.yes)


def _refuse(unknown: Sequence[str]) -> None:
    if unknown:
        raise ArgumentsError(f"unknown argument {unknown[0].partition('=')[0]}; see --help")


def _text(text: str) -> str:
    """A value that AWS can store: not empty, and without control characters and bytes that are no text."""
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in text):
        raise ArgumentTypeError("the value has a control character, or is no UTF-8 text")
    return text_argument(text)


def _new_stack_name(text: str) -> str:
    """A stack name with which the names of new buckets have at most 63 characters."""
    if not re.fullmatch("[a-z][a-z0-9-]{0,25}", text):
        raise ArgumentTypeError("use 1 to 26 lower-case letters, digits and hyphens, and begin with a letter")
    return text


def _parameter_value(parameter: str, text: str) -> _Assignment:
    return parameter, _text(text)


def _assignment(form: str, text: str) -> _Assignment:
    name, separator, value = _text(text).partition("=")
    if not name or not separator:
        raise ArgumentTypeError(f"the value must have the form {form}")
    return name, value


def _setting(text: str) -> _Assignment:
    name, value = _assignment("NAME=VALUE", text)
    try:
        return parameter_of(name), value
    except ArgumentsError as error:
        raise ArgumentTypeError(str(error)) from error
