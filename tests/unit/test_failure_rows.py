"""docs/failures.md is a promise: every row of it is provoked by a test."""

import re

import pytest

from tests.failure_rows import PAGE, provoked, rows


def test_the_page_has_every_row_once_and_in_order() -> None:
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.MULTILINE)]
    assert numbers == sorted(set(numbers))
    assert set(range(1, 50)) <= set(rows())


@pytest.mark.parametrize("number", rows())
def test_every_row_has_a_test(number: int) -> None:
    assert provoked()[number], f"no test is marked failure_row({number})"


def test_no_test_names_a_row_that_does_not_exist() -> None:
    assert set(provoked()) <= set(rows())
