"""The undamaged clips, one for each recipe."""

from collections.abc import Mapping
from pathlib import Path

from tests.support.media.recipes import RECIPES


def load_clips(directory: Path) -> Mapping[str, bytes]:
    """All of them by their names; those that are not in `directory` yet are made."""
    directory.mkdir(parents=True, exist_ok=True)
    return {recipe.name: recipe.make(directory).read_bytes() for recipe in RECIPES}
