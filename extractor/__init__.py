"""Video frames at scale.

Public: `extract_frames` (a local file to a local folder), `SamplingPolicy`, `Manifest`, and the
errors in `extractor.errors`. The map of the package is in `docs/architecture.md`.
"""

import sys
from typing import TYPE_CHECKING, Any

# Every command imports this package first, so this stands before all that an older Python cannot read.
# Its own syntax is that of Python 3.6.
if sys.version_info < (3, 11):  # noqa: UP036 - not every Python respects `requires-python`
    sys.stderr.write("error: Python 3.11 or later is needed; this is Python %d.%d\n" % sys.version_info[:2])  # noqa: UP031
    raise SystemExit(2)

__version__ = "0.1.0"
"""The only place where the version is written: packages and manifests take it from here."""

if TYPE_CHECKING:
    from extractor.domain.manifest import Manifest
    from extractor.domain.policy import SamplingPolicy
    from extractor.pipeline.local import ExtractedFrame, extract_frames

__all__ = ["ExtractedFrame", "Manifest", "SamplingPolicy", "extract_frames"]

_HOMES = {
    "ExtractedFrame": "extractor.pipeline.local",
    "extract_frames": "extractor.pipeline.local",
    "Manifest": "extractor.domain.manifest",
    "SamplingPolicy": "extractor.domain.policy",
}


def __getattr__(name: str) -> Any:
    """Import the public names when they are asked for: a worker's cold start should not pay for them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
