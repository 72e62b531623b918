"""Types of the enqueuer's command-line arguments. All raise `argparse.ArgumentTypeError`."""

import argparse
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from extractor.cli.durations import duration, is_duration
from extractor.domain import keys

MAX_SENDERS = 64


def moment(text: str) -> datetime | timedelta:
    """A time: ISO 8601, in UTC without a time zone, or an age such as ``2d``."""
    if is_duration(text):
        return duration(text)
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a time such as 2026-01-31 or 2026-01-31T12:00 "
            "nor an age such as 90s, 30m, 12h, 2d or 1w"
        ) from error
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def count(text: str) -> int:
    """A whole number over 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number over 0")
    return int(text)


def message_group(text: str) -> str:
    """A message group of SQS, or nothing."""
    if not re.fullmatch("[!-~]{0,128}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not at most 128 letters, digits and punctuation marks")
    return text


def senders(text: str) -> int:
    """A number of senders."""
    if (wanted := count(text)) > MAX_SENDERS:
        raise argparse.ArgumentTypeError(f"{text!r} is more than {MAX_SENDERS}")
    return wanted


def number(least: float) -> Callable[[str], float]:
    """Return the type of a finite number that is not under `least`."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (least <= value < math.inf):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least {least:g}")
        return value

    return convert


def platform(text: str) -> str:
    """The name of a platform."""
    if not re.fullmatch(keys.PLATFORM_PATTERN, text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a platform, such as instagram")
    return text
