"""Format the function's log lines for people: a level and a sentence, or a list of metrics. Pure: no I/O."""

import json
from typing import Any

_OF_EVERY_LINE = {
    *("level", "location", "message", "timestamp", "service", "cold_start"),
    *("function_name", "function_memory_size", "function_arn", "function_request_id", "xray_trace_id"),
}


def readable(line: str) -> str:
    """Format a log line for a terminal, without control characters."""
    try:
        content = json.loads(line)
    except ValueError:
        content = None
    text = _readable(content) if isinstance(content, dict) else line.replace("\r", "\n")
    return "\n".join(map(_without_control_chars, text.splitlines()))


def _readable(content: dict[str, Any]) -> str:
    if "_aws" in content:
        return f"METRICS  {_pairs({name: _value(content[name]) for name in _metric_names(content)})}"
    extra = {name: value for name, value in content.items() if name not in _OF_EVERY_LINE}
    trace = extra.pop("exception", None)
    extra.pop("stack_trace", None)
    message = content.get("message", "")
    sentence = f"{content.get('level', ''):8} {message} {_pairs(extra)}".rstrip()
    return f"{sentence}\n{trace}" if trace else sentence


def _metric_names(content: dict[str, Any]) -> list[str]:
    """Return the metric names of a line in CloudWatch's embedded metric format."""
    return [
        name
        for directive in content["_aws"].get("CloudWatchMetrics", [])
        for name in (
            *(name for names in directive.get("Dimensions", []) for name in names),
            *(metric["Name"] for metric in directive.get("Metrics", [])),
        )
        if name in content
    ]


def _value(value: object) -> object:
    """Return a metric's value; one that was counted once is a list of one."""
    match value:
        case [single]:
            return _value(single)
        case float():
            return f"{value:g}"
        case _:
            return value


def _pairs(content: dict[str, object]) -> str:
    return " ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in content.items()
    )


def _without_control_chars(line: str) -> str:
    return "".join(
        char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in line
    )
