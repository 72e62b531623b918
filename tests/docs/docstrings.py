"""Docstrings in Google's style, as Markdown. The same with all versions of Python."""

import re
from collections.abc import Iterator
from inspect import cleandoc
from textwrap import dedent

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields|Examples?):$", re.MULTILINE)
_ITEM = re.compile(r"^(\S[^:]*): ", re.MULTILINE)


def split_docstring(docstring: str) -> tuple[str, *tuple[tuple[str, str], ...]]:
    """The text before the first section, then the title and the body of each section."""
    text, *sections = _SECTION.split(cleandoc(docstring).replace("``", "`"))
    bodies = (dedent(body.strip("\n")) for body in sections[1::2])
    return text.strip(), *zip(sections[::2], bodies, strict=True)


def docstring_items(body: str) -> Iterator[tuple[str, str]]:
    """The names and meanings in the body of a section such as ``Args``."""
    _, *items = _ITEM.split(body)
    for name, text in zip(items[::2], items[1::2], strict=True):
        yield name, " ".join(text.split())
