"""Every option of every command line says what holds without it."""

import argparse
from collections.abc import Iterator

import pytest

import extractor.__main__
import extractor.cli.frame
import extractor.cli.unpack
import extractor.dataset.arguments
import extractor.enqueue.arguments
import extractor.serve.arguments
from extractor.reconcile.arguments import parser

PARSERS = {
    "extractor": extractor.__main__.build_parser(),
    "frame": extractor.cli.frame.build_parser(),
    "unpack": extractor.cli.unpack.build_parser(),
    "run_sqs_batches": extractor.enqueue.arguments.build_parser(),
    "dataset": extractor.dataset.arguments.parser(),
    "reconcile": parser(),
    "serve": extractor.serve.arguments.build_parser(),
}


def _options(one: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    for action in one._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from ((f"{name} {flag}", option) for flag, option in _options(inner))
        elif action.option_strings and not isinstance(action, argparse._HelpAction):
            yield action.option_strings[-1], action


@pytest.mark.parametrize("name", PARSERS)
def test_every_options_help_names_its_default(name: str) -> None:
    silent = [
        flag
        for flag, option in _options(PARSERS[name])
        if not any(word in (option.help or "") for word in ("default: ", "(required)"))
    ]
    assert silent == []
