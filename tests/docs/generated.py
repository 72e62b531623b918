"""The files that are generated, or generated in part, each with the function that renders it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from extractor.domain.manifest import Manifest
from tests.docs import DOCS
from tests.docs.command_lines import render_command_lines
from tests.docs.cost_tables import COSTS_PAGE, render_costs
from tests.docs.deployment_files import ENV_EXAMPLE, TEMPLATE, render_env_example, render_template
from tests.docs.docstrings import docstring_items, split_docstring
from tests.docs.mutant_counts import MUTATION_PAGE, render_mutation
from tests.docs.python_api import render_python_api
from tests.docs.settings_table import render_settings
from tests.docs.tofu_files import TOFU, render_dashboard, render_settings_file, render_variables

REFERENCE = DOCS / "reference"


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema of `manifest.json`."""
    schema = msgspec.json.schema(Manifest)
    schema |= schema["$defs"].pop(schema.pop("$ref").rpartition("/")[2])
    for definition in (schema, *schema["$defs"].values()):
        _describe(definition)
    return {**schema, "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "manifest.json"}


def _describe(definition: dict[str, Any]) -> None:
    """Take the descriptions of the properties out of the docstring of their class."""
    text, *sections = split_docstring(definition.pop("description", ""))
    if text:
        definition["description"] = text
    for title, items in sections:
        if title == "Attributes":
            for name, meaning in docstring_items(items):
                definition["properties"].get(name, {})["description"] = meaning


def _render_schema() -> str:
    return json.dumps(manifest_schema(), indent=2, ensure_ascii=False) + "\n"


GENERATED: Mapping[Path, Callable[[], str]] = {
    REFERENCE / "command-line.md": render_command_lines,
    REFERENCE / "manifest.schema.json": _render_schema,
    REFERENCE / "python-api.md": render_python_api,
    REFERENCE / "settings.md": render_settings,
    COSTS_PAGE: render_costs,
    MUTATION_PAGE: render_mutation,
    ENV_EXAMPLE: render_env_example,
    TEMPLATE: render_template,
    # after the template, which they are read from
    TOFU / "variables.tf": render_variables,
    TOFU / "settings.tf": render_settings_file,
    TOFU / "dashboard.tf": render_dashboard,
}
