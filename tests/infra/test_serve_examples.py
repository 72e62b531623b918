"""The examples of workers outside of Lambda agree with the command line, the settings and each other."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from extractor.serve.arguments import ServeOptions, parse_arguments
from extractor.settings import ALL_VARIABLES

EXAMPLES = Path(__file__).parents[2] / "infra" / "serve"


def _compose() -> tuple[list[str], list[str], str, set[str]]:
    worker = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())["services"]["worker"]
    return worker["entrypoint"], worker["command"], worker["stop_grace_period"], set(worker["environment"])


def _ecs() -> tuple[list[str], list[str], str, set[str]]:
    (worker,) = json.loads((EXAMPLES / "task-definition.json").read_text())["containerDefinitions"]
    names = {variable["name"] for variable in worker["environment"]}
    return worker["entryPoint"], worker["command"], str(worker["stopTimeout"]), names


def _kubernetes() -> tuple[list[str], list[str], str, set[str]]:
    pod: Any = yaml.safe_load((EXAMPLES / "deployment.yaml").read_text())["spec"]["template"]["spec"]
    (worker,) = pod["containers"]
    names = {variable["name"] for variable in worker["env"]}
    return worker["command"], worker["args"], str(pod["terminationGracePeriodSeconds"]), names


@pytest.mark.parametrize("example", [_compose, _ecs, _kubernetes])
def test_an_example_starts_the_worker_and_gives_it_time_to_drain(example: Any) -> None:
    entry, arguments, time_to_stop, variables = example()
    assert entry == ["python", "-m", "extractor.serve"]
    options: ServeOptions = parse_arguments(arguments)
    assert options.listen is not None
    assert options.listen.port == 8080
    assert int(re.sub("s$", "", time_to_stop)) >= options.grace_seconds + 10
    assert variables <= ALL_VARIABLES
