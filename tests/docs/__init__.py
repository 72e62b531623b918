"""The documentation: some reference pages are generated from the code, the others are compared with it.

`python -m tests.docs` writes the generated pages.
"""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
