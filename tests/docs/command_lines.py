"""The reference page of the command lines, from their parsers.

The page is made of the parsers' actions and not of their help texts, whose form differs between versions of
Python.
"""

import argparse
from collections.abc import Iterator

import extractor.__main__
import extractor.cli.frame
import extractor.cli.unpack
import extractor.dataset.arguments
import extractor.enqueue.arguments
import extractor.reconcile.arguments
import extractor.serve.arguments

_HEAD = """\
# Command lines

This page is generated from the parsers (`python -m tests.docs`); `--help` prints the same. Settings come
from the environment or from a file `.env` in the current folder: see [settings](settings.md).
"""


def render_command_lines() -> str:
    """The whole page."""
    commands = {
        "Extract frames of local files": ("python -m extractor", extractor.__main__.build_parser()),
        "Take one frame": ("python -m extractor frame", extractor.cli.frame.build_parser()),
        "Unpack a tar": ("python -m extractor unpack", extractor.cli.unpack.build_parser()),
        "Queue a backlog": ("python run_sqs_batches.py", extractor.enqueue.arguments.build_parser()),
        "Audit and repair": ("python -m extractor.reconcile", extractor.reconcile.arguments.parser()),
        "Run the worker outside of Lambda": (
            "python -m extractor.serve",
            extractor.serve.arguments.build_parser(),
        ),
        "Make a data set": ("python -m extractor.dataset", extractor.dataset.arguments.parser()),
    }
    parts = (
        part
        for title, (name, parser) in commands.items()
        for part in (f"## {title}\n", *_command(name, parser))
    )
    return "\n".join([_HEAD, *parts])


def _command(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"`{name}`\n"
    yield f"{parser.description}\n"
    commands: dict[str, argparse.ArgumentParser] = {}
    for group in parser._action_groups:
        rows = []
        for action in group._group_actions:
            if isinstance(action, argparse._SubParsersAction):
                commands |= action.choices
            elif not isinstance(action, argparse._HelpAction):
                rows.append(_row(action, name))
        if rows:
            title = "Arguments" if group is parser._positionals else (group.title or "options").capitalize()
            yield "\n".join([f"| {title} | Meaning |", "|---|---|", *rows]) + "\n"
    if parser.epilog:
        yield f"```text\n{(parser.epilog % {'prog': name}).strip()}\n```\n"
    for command, inner in commands.items():
        yield f"### {name.rpartition('.')[2]} {command}\n"
        yield from _command(f"{name} {command}", inner)


def _row(action: argparse.Action, prog: str) -> str:
    value = "" if action.nargs == 0 else _value(action)
    names = ", ".join(action.option_strings)
    shown = f"{names} {value}".strip()
    text = (action.help or "") % {**vars(action), "prog": prog}
    return f"| `{_cell(shown)}` | {_cell(text)} |"


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        name = action.metavar
    elif action.choices is not None:
        name = "{" + ",".join(map(str, action.choices)) + "}"
    else:
        name = action.dest.upper()
    return {"+": f"{name} …", "*": f"[{name} …]", "?": f"[{name}]"}.get(str(action.nargs), name)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
