"""The template as a whole: well-formed, within AWS's limits, explained."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.infra.rendering import TEMPLATE

_CLOUDFORMATION_LIMIT_BYTES = 51_200


def test_cfn_lint_finds_nothing_and_is_told_to_overlook_nothing(template: dict[str, Any]) -> None:
    result = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--include-checks", "I", "--", TEMPLATE],
        capture_output=True,
        text=True,
        check=False,
        cwd=TEMPLATE.parent,
    )
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    assert "cfn-lint" not in TEMPLATE.read_text()
    assert not list(TEMPLATE.parent.glob(".cfnlintrc*"))


def test_the_template_can_be_sent_without_a_bucket_of_its_own() -> None:
    assert TEMPLATE.stat().st_size <= _CLOUDFORMATION_LIMIT_BYTES


def test_every_parameter_has_a_place_in_the_console(template: dict[str, Any]) -> None:
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(template["Parameters"])


def test_every_parameter_is_explained(template: dict[str, Any]) -> None:
    text = (TEMPLATE.parents[1] / "docs" / "howto" / "deploy.md").read_text()
    assert [name for name in template["Parameters"] if f"`{name}`" not in text] == []
