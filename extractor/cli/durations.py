"""Durations on the command lines: a whole number with a unit, such as ``90s`` or ``2d``. Pure: no I/O."""

import re
from argparse import ArgumentTypeError
from datetime import timedelta

_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_MAX_WEEKS = 99_999  # subtracted from the current time, this is still a date
_DURATION = re.compile(f"([0-9]+)([{''.join(_UNITS)}])")


def is_duration(text: str) -> bool:
    """Return whether the text has the form of a duration: a whole number and a unit."""
    return _DURATION.fullmatch(text) is not None


def duration(text: str) -> timedelta:
    """Argument type of a duration: a whole number with the unit s, m, h, d or w, or 0.

    Raises:
        ArgumentTypeError: The text is not a duration, or it is too long.
    """
    found = _DURATION.fullmatch(text + "s" if text == "0" else text)
    if not found:
        raise ArgumentTypeError(f"{text!r} is not a duration such as 90s, 30m, 2h, 7d or 1w")
    count, unit = int(found[1]), _UNITS[found[2]]
    if count > _UNITS["w"] * _MAX_WEEKS // unit:
        raise ArgumentTypeError(f"{text!r} is longer than {_MAX_WEEKS}w")
    return unit * count


def hours(text: str) -> float:
    """Argument type of a duration in hours: a number without a unit, or a duration.

    Raises:
        ArgumentTypeError: The text is neither, or it is too long.
    """
    try:
        number = float(text)
    except ValueError:
        return duration(text) / _UNITS["h"]
    if not 0 <= number <= _UNITS["w"] * _MAX_WEEKS / _UNITS["h"]:
        raise ArgumentTypeError(f"{text!r} is not a number of hours from 0 to {_MAX_WEEKS}w")
    return number


def format_duration(span: timedelta) -> str:
    """Format a duration in the largest unit that gives a whole number: ``1h``."""
    if not span:
        return "0s"
    name, unit = next((name, unit) for name, unit in reversed(_UNITS.items()) if span % unit == timedelta(0))
    return f"{span // unit}{name}"
