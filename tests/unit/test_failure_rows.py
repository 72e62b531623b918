"""docs/failures.md is a promise: every row of it is provoked by a test."""

import pytest

from tests.failure_rows import provoked, rows


def test_the_page_has_every_row_once_and_in_order() -> None:
    assert list(rows()) == list(range(1, 50))


@pytest.mark.parametrize("number", rows())
def test_every_row_has_a_test(number: int) -> None:
    assert provoked()[number], f"no test is marked failure_row({number})"


def test_no_test_names_a_row_that_does_not_exist() -> None:
    assert set(provoked()) <= set(rows())
