"""The terms of the glossary are those of the code."""

import re

from tests.docs import DOCS, ROOT

GLOSSARY = (DOCS / "glossary.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([^|]+) \| .+ \| (`[^|]+`) \|$", GLOSSARY, re.MULTILINE)


def test_every_term_has_a_name_that_the_code_uses() -> None:
    code = list((ROOT / "extractor").rglob("*.py"))
    words = {word for path in code for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    words |= {path.stem for path in code} | {path.parent.name for path in code}
    names = {(term, part) for term, cell in ROWS for part in re.findall(r"\w+", cell)}
    assert len(ROWS) > 40
    assert {(term, name) for term, name in names if name not in words} == set()


def test_terms_are_sorted_within_each_table() -> None:
    for section in GLOSSARY.split("\n## ")[1:]:
        terms = [term for term, _ in re.findall(r"^\| ([^|]+) \| .+ \| (`[^|]+`) \|$", section, re.MULTILINE)]
        assert terms == sorted(terms)
