"""How much of a stored video is fetched."""

from typing import Literal

FetchMode = Literal["auto", "all", "needed"]
"""``all``; ``needed``: the bytes that are needed, where the file allows it; ``auto``: that, if it pays."""
