"""Bugs as they happen, to be planted in the code: whoever says that nothing breaks the promise must notice
each of them. A bug is a small patch; many are of kinds that systems like this one have shipped.
"""

from collections.abc import Callable
from typing import Any

Patch = Callable[[Any, str, Any], None]
"""`monkeypatch.setattr`."""
