"""Import times from ``python -X importtime``, summed by package."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence

from benchmarks.support.clips import ROOT

_LINE = re.compile(r"import time:\s*(\d+) \|\s*(\d+) \|(\s*)(\S+)")


def import_seconds(arguments: Sequence[str], environment: Mapping[str, str]) -> Mapping[str, float]:
    """Return seconds by top-level package, without imports of others; the standard library is one.

    Args:
        arguments: Those of Python.
        environment: The environment variables.
    """
    own: Counter[str] = Counter()
    for microseconds, name in _listed(arguments, environment):
        own[_package(name)] += microseconds
    return {name: microseconds / 1e6 for name, microseconds in own.most_common()}


def _listed(arguments: Sequence[str], environment: Mapping[str, str]) -> Sequence[tuple[int, str]]:
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=ROOT,
        env=dict(environment),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    return [(int(match[1]), match[4]) for match in _LINE.finditer(run.stderr)]


def _package(name: str) -> str:
    package = name.split(".")[0]
    return "(standard library)" if package in sys.stdlib_module_names else package
