"""What `extractor` exports is listed, documented, imported late, and its examples are true."""

import doctest
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import extractor

ROOT = Path(__file__).parents[2]
FUNCTIONS = ["extract_frames", "iter_frames", "probe"]


def test_the_exported_names_are_these() -> None:
    assert extractor.__all__ == [
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


@pytest.mark.parametrize("name", extractor.__all__)
def test_an_exported_name_is_there_and_documented(name: str) -> None:
    exported = getattr(extractor, name)
    assert exported.__name__ == name
    assert inspect.getdoc(exported)
    assert name in dir(extractor)


def test_another_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="module 'extractor' has no attribute 'extract'"):
        _ = extractor.extract


def test_the_import_alone_imports_no_module_of_the_package_and_no_other_package() -> None:
    program = "import sys, extractor; print(*sorted(sys.modules.keys() - sys.stdlib_module_names))"
    run = subprocess.run(
        [sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    found = run.stdout.split()
    assert [name for name in found if name.partition(".")[0] not in sys.stdlib_module_names] == [
        "__main__",
        "extractor",
    ]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_examples_of_a_function_are_true(name: str, holiday: Path) -> None:
    assert holiday.exists()
    (examples,) = doctest.DocTestFinder(recurse=False).find(getattr(extractor, name))
    assert examples.examples
    told: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF).run(examples, out=told.append)
    assert result.failed == 0, "".join(told)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_argument_of_a_function_is_documented(name: str) -> None:
    function = getattr(extractor, name)
    lines = [line.strip() for line in (inspect.getdoc(function) or "").splitlines()]
    for parameter in inspect.signature(function).parameters.values():
        shown = f"**{parameter.name}" if parameter.kind is parameter.VAR_KEYWORD else parameter.name
        assert any(line.startswith(f"{shown}: ") for line in lines), shown
    for section in ("Args:", "Raises:", "Examples:"):
        assert section in lines
