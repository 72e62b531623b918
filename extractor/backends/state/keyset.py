"""Pages that are read by the last code of the page before: each must lead on, or reading would never end."""

from extractor.errors import StateUnavailableError


class Keyset:
    """`after` is the code behind which the next page begins, ``None`` for the first page."""

    def __init__(self, after: str | None = None) -> None:
        self.after = after
        self._passed = {after}

    def advance(self, last: str | None) -> None:
        """A page has ended with the code `last`. Raises `StateUnavailableError` if that leads back to where
        a page has begun before."""
        if last is None or last in self._passed:
            raise StateUnavailableError(
                f"the state gave a page that ends with {last!r} and does not lead on: check that the "
                "column of codes (STATE_COLUMNS) has no NULL and is ordered like text"
            )
        self._passed.add(last)
        self.after = last
