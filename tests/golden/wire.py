"""The names on the wire as text, read through public functions, wherever the modules lie."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import AliasChoices

from extractor import errors
from extractor.domain.video_message import VideoMessage
from extractor.settings import Settings, variable_names
from tests.support.processes import run_python

ROOT = Path(__file__).parents[2]

COMMAND_LINES: dict[str, Sequence[str]] = {
    "extractor": ("-m", "extractor"),
    "frame": ("-m", "extractor", "frame"),
    "unpack": ("-m", "extractor", "unpack"),
    "run_sqs_batches": ("run_sqs_batches.py",),
    "reconcile": ("-m", "extractor.reconcile"),
    "serve": ("-m", "extractor.serve"),
    **{
        f"reconcile-{name}": ("-m", "extractor.reconcile", name)
        for name in ("status", "verify", "repair", "orphans", "prune", "replay", "announce", "report")
    },
}


def help_text(command: Sequence[str]) -> str:
    """What ``--help`` prints, 100 columns wide."""
    run = run_python([*command, "--help"], {"PATH": os.environ["PATH"], "COLUMNS": "100"}, ROOT)
    assert run.returncode == 0, run.stderr
    return run.stdout


def reason_codes() -> str:
    """Each reason code, and how often a video with it is tried."""
    found = {
        f"{error.reason} {_tries(error)}"
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.ExtractorError) and "reason" in vars(error)
    }
    return _lines(sorted(found))


def _tries(error: type[errors.ExtractorError]) -> str:
    if errors.is_final(error(), 1):
        return "once"
    return "twice" if errors.is_final(error(), 2) else "until the queue gives up"


def settings() -> str:
    """Each environment variable with its other names, the default, and what it is for."""
    return _lines(
        f"{' or '.join(variable_names(name))} = {_default(name)}" for name in sorted(Settings.model_fields)
    )


def _default(name: str) -> object:
    field = Settings.model_fields[name]
    return "(computed)" if field.default_factory is not None else repr(field.default)


def message_fields() -> str:
    """Each field of a message with its other names."""
    return _lines(
        " or ".join(map(str, alias.choices))
        if isinstance(alias := field.validation_alias, AliasChoices)
        else name
        for name, field in sorted(VideoMessage.model_fields.items())
    )


def shape(value: object) -> str:
    """Where in a JSON document there is what: a line for each path and type."""
    return _lines(sorted(set(_shape(value, "$"))))


def _shape(value: object, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _shape(item, f"{path}.{name}")
    elif isinstance(value, list):
        yield f"{path}: list"
        for item in value:
            yield from _shape(item, f"{path}[]")
    else:
        yield f"{path}: {_type(value)}"


def _type(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return {str: "text", bool: "boolean", type(None): "null"}[type(value)]


def log_fields(lines: Iterator[str]) -> str:
    """The fields of each message that is logged."""
    found: dict[tuple[str, str], set[str]] = {}
    for line in map(json.loads, lines):
        found.setdefault((line["level"], line["message"]), set()).update(line)
    return _lines(
        f"{level} {text!r}: {' '.join(sorted(found[level, text]))}" for level, text in sorted(found)
    )


def metrics(lines: Iterator[str]) -> str:
    """The metrics in log lines of CloudWatch's embedded format, with units and dimensions."""
    found = set()
    for line in lines:
        if '"_aws"' in line:
            for directive in json.loads(line)["_aws"]["CloudWatchMetrics"]:
                dimensions = ",".join(sorted(name for group in directive["Dimensions"] for name in group))
                found |= {
                    f"{directive['Namespace']} {metric['Name']} {metric['Unit']} by {dimensions}"
                    for metric in directive["Metrics"]
                }
    return _lines(sorted(found))


def _lines(lines: Iterator[str] | Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
