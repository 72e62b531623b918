"""A Python that is too old is told so in one line, before it reads anything that it does not understand."""

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_ENTRY_POINTS = [
    ("run_sqs_batches.py",),
    ("lambda_function.py",),
    ("-m", "extractor"),
    ("-m", "extractor", "unpack"),
    ("-m", "extractor.reconcile"),
    ("-m", "local.cloud"),
    ("-m", "local.demo"),
    ("-m", "local.invoke"),
]

_PRETEND = """
import runpy, sys
sys.version_info = (3, 8, 0, "final", 0)
sys.argv = {arguments!r}
sys.path[0] = {root!r}
if sys.argv[0] == "-m":
    runpy.run_module(sys.argv[1], run_name="__main__")
else:
    runpy.run_path(sys.argv[0], run_name="__main__")
"""


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", _ENTRY_POINTS, ids=" ".join)
def test_an_entry_point_refuses_an_older_python_in_one_line(arguments: Sequence[str]) -> None:
    result = _run(sys.executable, "-c", _PRETEND.format(arguments=list(arguments), root=str(ROOT)))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "error: Python 3.11 or later is needed; this is Python 3.8\n"


@pytest.mark.parametrize("name", ["extractor/__init__.py", "run_sqs_batches.py", "lambda_function.py"])
def test_what_is_read_before_the_refusal_is_in_the_syntax_of_an_older_python(name: str) -> None:
    ast.parse((ROOT / name).read_text(), feature_version=(3, 7))


@pytest.mark.parametrize("name", ["run_sqs_batches.py", "lambda_function.py"])
def test_the_refusal_comes_before_every_other_import(name: str) -> None:
    imports = [
        node
        for node in ast.parse((ROOT / name).read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert ast.unparse(imports[0]) == "import extractor"
