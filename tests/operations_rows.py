"""Which test provokes which operational case: `python -m tests.operations_rows` prints the table."""

from collections.abc import Mapping, Sequence

from tests.support import marked_rows

_PAGE, _MARKER = "operational-cases.md", "operations_row"


def rows() -> dict[int, str]:
    """The rows of docs/explanation/operational-cases.md: number to situation."""
    return marked_rows.rows(_PAGE)


def provoked() -> Mapping[int, Sequence[str]]:
    """The tests that say that they provoke a row, by its number."""
    return marked_rows.marked(_MARKER)


if __name__ == "__main__":
    marked_rows.print_table(_PAGE, _MARKER)
