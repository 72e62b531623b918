"""The numbers of mutants in docs/explanation/mutation.md."""

import re
from collections import Counter
from pathlib import PurePosixPath

from tests.docs import DOCS
from tests.mutation.mutants import MUTANTS

MUTATION_PAGE = DOCS / "explanation" / "mutation.md"
_ROW = re.compile(r"^(?P<text>\| `(?P<package>[\w/]+)`: .* \|) \d+ \|$", re.MULTILINE)


def render_mutation() -> str:
    """Return the page with the present numbers.

    Raises:
        ValueError: The table of the page does not have exactly the packages that have mutants.
    """
    counts = Counter("/".join(PurePosixPath(mutant.file).parts[:2]) for mutant in MUTANTS)
    page = MUTATION_PAGE.read_text(encoding="utf-8")
    shown = [found["package"] for found in _ROW.finditer(page)]
    if sorted(shown) != sorted(counts):
        raise ValueError(f"{MUTATION_PAGE.name} lists {shown}, and there are mutants of {list(counts)}")
    page = _ROW.sub(lambda found: f"{found['text']} {counts[found['package']]} |", page)
    return re.sub(r"^There are \d+ mutants", f"There are {len(MUTANTS)} mutants", page, flags=re.MULTILINE)
