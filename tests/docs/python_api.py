"""The reference page of the Python API, from the signatures and docstrings of the exported names."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import extractor
from tests.docs.docstrings import docstring_items, split_docstring

_HEAD = """\
# Python API

This page is generated from the docstrings (`python -m tests.docs`). All names are imported from
`extractor`. The tests run the examples.
"""
_TITLES = {"Args": "Parameter", "Attributes": "Attribute", "Raises": "Error"}


def render_python_api() -> str:
    """The whole page."""
    parts = [_HEAD]
    for name in sorted(extractor.__all__, key=lambda name: (name[0].isupper(), name)):
        parts += _entry(name, getattr(extractor, name))
    return "\n".join(parts)


def _entry(name: str, member: object) -> Iterator[str]:
    yield f"## {name}\n"
    yield f"```python\n{_signature(name, member)}\n```\n"
    text, *sections = split_docstring(member.__doc__ or "")
    yield f"{text}\n"
    for title, body in sections:
        yield from _section(title, body)


def _signature(name: str, member: object) -> str:
    """As the source has it, whose form does not depend on the version of Python."""
    if not inspect.isfunction(member):
        return f"class {name}"
    source = Path(inspect.getfile(member)).read_text(encoding="utf-8")
    found = next(
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name == member.__name__
    )
    given = found.args
    plain = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(plain) - len(given.defaults)) + list(given.defaults)
    shown = [_argument(one, default) for one, default in zip(plain, defaults, strict=True)]
    if given.kwonlyargs:
        shown.append("*")
        shown += [
            _argument(one, default) for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
        ]
    if given.kwarg:
        shown.append(f"**{_argument(given.kwarg, None)}")
    lines = "".join(f"    {argument},\n" for argument in shown)
    return f"{name}(\n{lines}) -> {ast.unparse(found.returns) if found.returns else 'None'}"


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + (f" = {ast.unparse(default)}" if default is not None else "")


def _section(title: str, body: str) -> Iterator[str]:
    if title.startswith("Example"):
        yield "**Example**\n"
        for block in re.split(r"\n\n+", body.strip()):
            yield f"```pycon\n{block}\n```\n" if block.startswith(">>>") else f"{block}\n"
    elif title in _TITLES:
        rows = (f"| `{name}` | {_cell(text)} |" for name, text in docstring_items(body))
        yield "\n".join([f"| {_TITLES[title]} | Meaning |", "|---|---|", *rows]) + "\n"
    else:
        yield f"**{title}**: {body.strip()}\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
