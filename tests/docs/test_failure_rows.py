"""docs/explanation/failures.md is a promise: every row of it is provoked by a test."""

import pytest

from tests.failure_rows import provoked, rows
from tests.support import marked_rows


def test_the_page_has_every_row_once_and_in_order() -> None:
    numbers = list(marked_rows.rows("failures.md"))
    assert numbers == sorted(set(numbers))
    assert set(range(1, 50)) <= set(rows())


@pytest.mark.parametrize("number", rows())
def test_every_row_has_a_test(number: int) -> None:
    assert provoked()[number], f"no test is marked failure_row({number})"


def test_no_test_names_a_row_that_does_not_exist() -> None:
    assert set(provoked()) <= set(rows())
