"""Which test provokes which row of docs/explanation/failures.md: `python -m tests.failure_rows` prints it."""

from collections.abc import Mapping, Sequence

from tests.support import marked_rows

_PAGE, _MARKER = "failures.md", "failure_row"


def rows() -> dict[int, str]:
    """The rows of the page: number to trigger."""
    return marked_rows.rows(_PAGE)


def provoked() -> Mapping[int, Sequence[str]]:
    """The tests that say that they provoke a row, by its number."""
    return marked_rows.marked(_MARKER)


if __name__ == "__main__":
    marked_rows.print_table(_PAGE, _MARKER)
