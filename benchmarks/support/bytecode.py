"""Bytecode for the processes that are measured.

Not every installer compiles packages (uv does not), and ``PYTHONDONTWRITEBYTECODE`` may be set: then each
start would compile all modules again, which an installed package or an image never does.
"""

from collections.abc import Mapping
from typing import Final

from benchmarks.support.clips import ROOT

BYTECODE: Final[Mapping[str, str]] = {
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONPYCACHEPREFIX": str(ROOT / "build" / "benchmarks" / "bytecode"),
}
"""Environment variables: the first process compiles what it imports, and later ones load it."""
