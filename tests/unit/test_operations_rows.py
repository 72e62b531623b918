"""docs/operational-cases.md is a promise: every row of it is provoked by a test."""

from tests.operations_rows import MAY_LACK_A_TEST, provoked, rows


def test_the_page_has_every_row_once_and_in_order() -> None:
    assert list(rows()) == list(range(1, 38))


def test_every_row_has_a_test() -> None:
    assert rows().keys() - provoked().keys() <= MAY_LACK_A_TEST


def test_no_test_names_a_row_that_does_not_exist() -> None:
    assert provoked().keys() <= rows().keys()
