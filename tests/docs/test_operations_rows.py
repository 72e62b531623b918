"""docs/explanation/operational-cases.md is a promise: every row of it is provoked by a test."""

from tests.operations_rows import provoked, rows


def test_the_page_has_every_row_once_and_in_order() -> None:
    assert list(rows()) == list(range(1, 38))


def test_every_row_has_a_test_and_every_mark_a_row() -> None:
    assert rows().keys() == provoked().keys()
