"""Video frames at scale.

Public: `extract_frames` (a local file to a local folder), `SamplingPolicy`, `Manifest`, and the
errors in `extractor.errors`. The map of the package is in `docs/architecture.md`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from extractor.local_files import ExtractedFrame, extract_frames
    from extractor.manifest import Manifest
    from extractor.policy import SamplingPolicy

__all__ = ["ExtractedFrame", "Manifest", "SamplingPolicy", "extract_frames"]

_HOMES = {
    "ExtractedFrame": "extractor.local_files",
    "extract_frames": "extractor.local_files",
    "Manifest": "extractor.manifest",
    "SamplingPolicy": "extractor.policy",
}


def __getattr__(name: str) -> Any:
    """Import the public names when they are asked for: a worker's cold start should not pay for them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
