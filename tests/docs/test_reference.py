"""The reference pages agree with the code."""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from extractor import errors
from tests.docs import ROOT
from tests.docs.generated import GENERATED, REFERENCE, manifest_schema
from tests.docs.message_fields import message_rows


def _page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def _cells(text: str) -> Iterator[list[str]]:
    for line in re.findall(r"^\| (`.*) \|$", text, re.MULTILINE):
        yield [cell.strip() for cell in line.split(" |")]


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_a_generated_page_is_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == GENERATED[path](), "run: python -m tests.docs"


def test_the_page_of_messages_has_every_field_with_its_names_and_bounds() -> None:
    section = _page("messages.md").partition("\n## A video\n")[2].partition("\n## ")[0]
    shown = {name.strip("`"): (others, values) for name, others, values, _ in _cells(section)}
    assert shown == message_rows()


def _reasons(root: type[errors.ExtractorError]) -> Iterator[type[errors.ExtractorError]]:
    yield root
    for child in root.__subclasses__():
        yield from _reasons(child)


def _retry(error: type[errors.ExtractorError]) -> str:
    first, second = (errors.is_final(error.__new__(error), delivery) for delivery in (1, 2))
    return "final" if first else "once" if second else "retried"


def test_the_page_of_reasons_has_every_reason_and_whether_it_is_retried() -> None:
    groups = {errors.PermanentError, errors.TransientError, errors.RetryOnceError}
    known = {kind.reason: _retry(kind) for kind in _reasons(errors.ExtractorError) if kind not in groups}
    shown = {reason.strip("`"): retry for reason, retry, _, _ in _cells(_page("reasons.md"))}
    assert shown == known


def _definition(schema: dict[str, Any], path: str) -> dict[str, Any]:
    """The schema of the objects at a path such as ``frames[].measures``."""
    found = schema
    for name in filter(None, path.replace("[]", "").split(".")):
        found = found["properties"][name]
        for step in ("anyOf", "items"):
            inner = found.get(step, found)
            found = (
                inner if isinstance(inner, dict) else next(one for one in inner if one.get("type") != "null")
            )
        found = schema["$defs"][found["$ref"].rpartition("/")[2]]
    return found


STORED = sorted((ROOT / "tests" / "golden" / "stored" / "manifests").rglob("*.json"))


@pytest.mark.parametrize("path", STORED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_stored_manifest_fits_the_schema(path: Path) -> None:
    validator: Any = import_module("jsonschema")
    validator.validate(json.loads(path.read_bytes()), manifest_schema())


def test_the_page_of_the_manifest_explains_every_field() -> None:
    schema = manifest_schema()
    sections = re.split(r"^## ", _page("manifest.md"), flags=re.MULTILINE)[1:]
    explained = 0
    for section in sections:
        title = section.partition("\n")[0].strip("`")
        fields = [name for first, _ in _cells(section) for name in re.findall(r"`(\w+)`", first)]
        expected = _definition(schema, "" if title == "Manifest" else title)["properties"]
        assert sorted(fields) == sorted(expected), title
        explained += 1
    assert explained == len(schema["$defs"]) + 1
