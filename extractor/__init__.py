"""Video frames at scale.

The Python API: `extract_frames` writes the frames of a local file into a folder, `iter_frames` yields them
in memory, and `probe` tells what a file holds. Every error is an `ExtractorError`; `extractor.errors` has
the list. `docs/explanation/architecture.md` describes the
packages.
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
    from extractor.domain.frames import Frame
    from extractor.domain.manifest import Manifest
    from extractor.domain.policy import SamplingPolicy
    from extractor.errors import ExtractorError
    from extractor.pipeline.local import ExtractedFrame, ExtractedFrames, extract_frames
    from extractor.pipeline.local_frames import iter_frames
    from extractor.pipeline.local_probe import VideoInfo, probe

__all__ = [
    "ExtractedFrame",
    "ExtractedFrames",
    "ExtractorError",
    "Frame",
    "Manifest",
    "SamplingPolicy",
    "VideoInfo",
    "extract_frames",
    "iter_frames",
    "probe",
]

_HOMES = {
    "ExtractedFrame": "extractor.pipeline.local",
    "ExtractedFrames": "extractor.pipeline.local",
    "ExtractorError": "extractor.errors",
    "Frame": "extractor.domain.frames",
    "Manifest": "extractor.domain.manifest",
    "SamplingPolicy": "extractor.domain.policy",
    "VideoInfo": "extractor.pipeline.local_probe",
    "extract_frames": "extractor.pipeline.local",
    "iter_frames": "extractor.pipeline.local_frames",
    "probe": "extractor.pipeline.local_probe",
}


def __getattr__(name: str) -> Any:
    """Import the public names when they are asked for: a worker's cold start should not pay for them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> "list[str]":
    return sorted([*globals(), *__all__])
