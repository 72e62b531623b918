"""Keyset pagination that detects pages which do not advance."""

from extractor.errors import StateUnavailableError


class Keyset:
    """The position in a paginated listing.

    Attributes:
        after: The last code of the previous page; ``None`` before the first page.
    """

    def __init__(self, after: str | None = None) -> None:
        self.after = after
        self._passed = {after}

    def advance(self, last: str | None) -> None:
        """Move to the page after the code `last`.

        Raises:
            StateUnavailableError: The position was reached before, so that reading would never end.
        """
        if last is None or last in self._passed:
            raise StateUnavailableError(
                f"the state gave a page that ends with {last!r} and does not lead on: check that the "
                "column of codes (STATE_COLUMNS) has no NULL and is ordered like text"
            )
        self._passed.add(last)
        self.after = last
