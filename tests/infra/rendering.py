"""What a CloudFormation template comes to for given parameters: as far as ours uses the language.

moto's CloudFormation passes over alarms, bucket policies, rules and more; cfn-lint knows types and names,
not values. So the tests read the values here, and ask both of them besides.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cfnlint.decode import decode

TEMPLATE = Path(__file__).parents[2] / "infra" / "template.yaml"

ACCOUNT, REGION, STACK = "123456789012", "us-east-1", "extractor"
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": STACK,
}
_NOTHING = object()

# What has no default, and what the default of the state backend needs.
MINIMAL = {
    "ImageUri": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/video-frames-extractor:1",
    "SupabaseUrl": "https://project.supabase.co",
    "SupabaseKeySecretArn": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:supabase-AbCdEf",
}


class RefusedError(Exception):
    """CloudFormation would not begin: a parameter or a rule forbids it."""


def load_template() -> dict[str, Any]:
    template, problems = decode(TEMPLATE)
    assert not problems, problems
    return dict(template)


@dataclass(frozen=True)
class Rendering:
    """The template with `given` parameters. What only AWS knows reads like ``Queue.Arn`` or ``Queue``."""

    template: Mapping[str, Any]
    given: Mapping[str, str]

    @cached_property
    def resources(self) -> dict[str, Any]:
        """Those whose condition holds, with every function replaced by its value."""
        return self._existing("Resources")

    @cached_property
    def outputs(self) -> dict[str, Any]:
        return {name: output["Value"] for name, output in self._existing("Outputs").items()}

    def properties(self, name: str) -> dict[str, Any]:
        properties: dict[str, Any] = self.resources[name]["Properties"]
        return properties

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the function."""
        variables: dict[str, str] = self.properties("Function")["Environment"]["Variables"]
        return variables

    def _existing(self, section: str) -> dict[str, Any]:
        self._check()
        return {
            name: self.value(item)
            for name, item in self.template[section].items()
            if "Condition" not in item or self._holds(item["Condition"])
        }

    @cached_property
    def parameters(self) -> dict[str, str]:
        declared = self.template["Parameters"]
        return {name: str(self.given.get(name, declared[name].get("Default", ""))) for name in declared}

    def _check(self) -> None:
        if unknown := self.given.keys() - self.parameters.keys():
            raise RefusedError(f"no such parameter: {unknown}")
        for name, value in self.parameters.items():
            _check_parameter(name, value, self.template["Parameters"][name])
        for rule in self.template["Rules"].values():
            if self.value(rule["RuleCondition"]):
                for assertion in rule["Assertions"]:
                    if not self.value(assertion["Assert"]):
                        raise RefusedError(assertion["AssertDescription"])

    def _holds(self, condition: str) -> bool:
        return bool(self.value(self.template["Conditions"][condition]))

    def value(self, node: Any) -> Any:
        """The node without functions."""
        if isinstance(node, list):
            values = [self.value(item) for item in node]
            return [value for value in values if value is not _NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name in {"Ref", "Condition"} and isinstance(argument, str):
                return self._ref(argument) if name == "Ref" else self._holds(argument)
            if name.startswith("Fn::"):
                return self._call(name.removeprefix("Fn::"), argument)
        values_by_key = {key: self.value(item) for key, item in node.items()}
        return {key: value for key, value in values_by_key.items() if value is not _NOTHING}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NOTHING
        return self.parameters.get(name, _PSEUDO.get(name, name))

    def _call(self, function: str, argument: Any) -> Any:
        match function, argument:
            case "If", [condition, yes, no]:
                return self.value(yes if self._holds(condition) else no)
            case "Equals", [one, other]:
                return str(self.value(one)) == str(self.value(other))
            case "Not", [one]:
                return not self.value(one)
            case "And", [*all_of]:
                return all(self.value(one) for one in all_of)
            case "GetAtt", _:
                return argument if isinstance(argument, str) else ".".join(argument)
            case "FindInMap", [name, first, second]:
                return self.template["Mappings"][name][self.value(first)][second]
            case "Split", [separator, text]:
                return self.value(text).split(separator)
            case "Select", [position, values]:
                return self.value(values)[int(position)]
            case "Sub", _:
                text, variables = argument if isinstance(argument, list) else (argument, {})
                return re.sub(r"\$\{([^}]+)\}", lambda hit: str(self._substitute(hit[1], variables)), text)
        raise AssertionError(f"not rendered: {function}")

    def _substitute(self, name: str, variables: Mapping[str, Any]) -> Any:
        return self.value(variables[name]) if name in variables else self._ref(name)


def _check_parameter(name: str, value: str, declared: Mapping[str, Any]) -> None:
    allowed = [str(choice) for choice in declared.get("AllowedValues", [value])]
    if (
        ("Default" not in declared and not value)
        or value not in allowed
        or not re.fullmatch(declared.get("AllowedPattern", ".*"), value)
        or not float(declared.get("MinValue", "-inf"))
        <= _number(value)
        <= float(declared.get("MaxValue", "inf"))
    ):
        raise RefusedError(f"{name} may not be {value!r}")


def _number(value: str) -> float:
    return float(value) if value.isdecimal() else 0
