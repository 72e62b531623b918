"""What the OpenTofu module comes to for given variables, in the words of CloudFormation.

tfparse evaluates a module as OpenTofu does: variables, locals, conditions, loops, functions. It knows no
provider. What only AWS knows is put in place of its references before, as the names by which
tests.infra.rendering calls it.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.docs.tofu_files import TOFU, variable_name
from tests.infra.rendering import ACCOUNT, REGION, STACK

_VALUES = {
    "data.aws_caller_identity.current.account_id": ACCOUNT,
    "data.aws_partition.current.partition": "aws",
    "data.aws_region.current.region": REGION,
    "aws_sqs_queue.videos.arn": "Queue.Arn",
    "aws_sqs_queue.videos.url": "Queue",
    "aws_sqs_queue.dead_letters.arn": "DeadLetterQueue.Arn",
    "aws_sqs_queue.dead_letters.url": "DeadLetterQueue",
    "aws_iam_role.function.arn": "Role.Arn",
    "aws_iam_role.function.name": "Role",
}

Properties = dict[str, Any]


class Module:
    """The module with some variables.

    Args:
        folder: An empty folder.
        parameters: Names and values as for the template; what has no variable goes into `settings`.
    """

    def __init__(self, folder: Path, parameters: Mapping[str, str]) -> None:
        shutil.copytree(TOFU, folder, dirs_exist_ok=True)
        for path in folder.glob("*.tf"):
            path.write_text(_with_values(path.read_text()))
        (folder / "given.tfvars.json").write_text(json.dumps({"name": STACK, **_given(parameters)}))
        tfparse: Any = import_module("tfparse")
        self._found = tfparse.load_from_path(folder, stop_on_hcl_error=True, vars_paths=["given.tfvars.json"])

    def refused_variables(self) -> set[str]:
        """The variables whose values are refused."""
        return {
            variable["__tfmeta"]["label"]
            for variable in self._found["variable"]
            if not all(one["condition"] for one in _listed(variable.get("validation")))
        }

    def refused_settings(self) -> set[str]:
        """Those of the variable `settings`, in lower case."""
        names = (local["unknown_settings"] for local in self._found["locals"] if "unknown_settings" in local)
        return {name.lower() for name in next(names)}

    def failed_conditions(self) -> list[str]:
        """The messages of the preconditions that do not hold."""
        (function,) = self._found["aws_lambda_function"]
        conditions = _listed(function["lifecycle"]["precondition"])
        return [one["error_message"] for one in conditions if not one["condition"]]

    def outputs(self) -> dict[str, Any]:
        found = {one["__tfmeta"]["label"]: one["value"] for one in self._found["output"]}
        return {name: value for name, value in found.items() if value is not None}

    def defaults(self) -> dict[str, Any]:
        return {
            one["__tfmeta"]["label"]: one["default"] for one in self._found["variable"] if "default" in one
        }

    def protected(self) -> dict[str, int]:
        """How many resources of each type OpenTofu refuses to destroy."""
        return {
            kind.removeprefix("aws_"): len(items)
            for kind, items in self._found.items()
            if all(item.get("lifecycle", {}).get("prevent_destroy") is True for item in items)
        }

    def types(self) -> dict[str, int]:
        """How many resources there are of each type."""
        return {name: len(items) for name, items in self._found.items() if name.startswith("aws_")}

    def resources(self, kind: str) -> Iterator[tuple[str, Properties]]:
        """The resources of a type: their names, and their properties as CloudFormation calls them."""
        for found in self._found.get(f"aws_{kind}", []):
            path = found["__tfmeta"]["path"]
            yield path, _translated(found)


def _with_values(text: str) -> str:
    for reference, value in _VALUES.items():
        text = text.replace(reference, json.dumps(value))
    return re.sub(r"^( +)id( +=)", r"\1own_id\2", text, flags=re.MULTILINE)  # tfparse gives each block an id


def _given(parameters: Mapping[str, str]) -> dict[str, Any]:
    declared = set(re.findall(r'^variable "(\w+)"', (TOFU / "variables.tf").read_text(), re.MULTILINE))
    given: dict[str, Any] = {"settings": {}}
    for name, value in parameters.items():
        variable = variable_name(name)
        if variable not in declared:
            given["settings"][variable.upper()] = value
        elif name in {"SubnetIds", "SecurityGroupIds"}:
            given[variable] = [part for part in value.split(",") if part]
        else:
            given[variable] = json.loads(value) if re.fullmatch("true|false|[0-9]+", value) else value
    return given


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


_NOT_PROPERTIES = {"__tfmeta", "id", "for_each", "count", "depends_on", "lifecycle"}


def _translated(node: Any) -> Any:
    """With names such as `VisibilityTimeout`, documents in place of their JSON, and without what is empty."""
    if isinstance(node, list):
        return [_translated(item) for item in node]
    if isinstance(node, str) and node.lstrip().startswith("{"):
        return json.loads(node)
    if not isinstance(node, dict):
        return node
    return {
        _camel(key): value if key in {"dimensions", "variables"} else _translated(value)
        for key, value in node.items()
        if key not in _NOT_PROPERTIES and value is not None and value != []
    }


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
