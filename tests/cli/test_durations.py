"""Durations have the same units on every command line."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta

import pytest

from extractor.cli.durations import duration, format_duration, hours
from extractor.enqueue.argument_types import moment
from extractor.enqueue.arguments import build_parser
from extractor.reconcile.arguments import parser

UNITS = [
    ("90s", timedelta(seconds=90)),
    ("30m", timedelta(minutes=30)),
    ("2h", timedelta(hours=2)),
    ("7d", timedelta(days=7)),
    ("1w", timedelta(weeks=1)),
]


@pytest.mark.parametrize(("text", "expected"), UNITS)
def test_every_option_takes_every_unit(text: str, expected: timedelta) -> None:
    arguments = build_parser().parse_args(["--since", text, "--requeue-after", text])
    assert arguments.since == expected
    assert arguments.requeue_after == expected / timedelta(hours=1)
    assert parser().parse_args(["verify", "--older-than", text]).older_than == expected


@pytest.mark.parametrize(("text", "expected"), [("0", 0.0), ("0.5", 0.5), ("168", 168.0), ("1e2", 100.0)])
def test_a_number_without_a_unit_is_in_hours(text: str, expected: float) -> None:
    assert hours(text) == expected


def test_zero_needs_no_unit() -> None:
    assert duration("0") == duration("0w") == timedelta(0)


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1.5h", "1 h", "1y", "1H", "٣d", "1h2", "nan"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not a duration such as 90s, 30m, 2h, 7d or 1w"):
        duration(text)


@pytest.mark.parametrize("text", ["-1", "-0.5", "nan", "inf", "1e300"])
def test_hours_have_bounds(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not a number of hours"):
        hours(text)


@pytest.mark.parametrize("text", ["99999w", "699993d", "16799832h"])
def test_the_longest_duration_before_now_is_a_date(text: str) -> None:
    assert datetime(2026, 1, 1, tzinfo=UTC) - duration(text) > datetime.min.replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["100000w", "699994d", "16799833h", "9" * 30 + "s"])
def test_a_longer_one_is_refused(text: str) -> None:
    for convert in (duration, hours, moment):
        with pytest.raises(ArgumentTypeError, match="is longer than 99999w"):
            convert(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("0m", "0s"), ("90s", "90s"), ("3600s", "1h"), ("48h", "2d"), ("14d", "2w")]
)
def test_a_duration_is_shown_in_its_largest_whole_unit(text: str, expected: str) -> None:
    assert format_duration(duration(text)) == expected
