"""The template, rendered; and an AWS in a process of its own that it can be deployed to."""

import uuid
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from local.cloud import EmbeddedCloud
from local.embedded.child_process import Child
from tests.handler.conftest import server, settings, world  # noqa: F401 - fixtures
from tests.infra.account import Account
from tests.infra.rendering import MINIMAL, Rendering, load_template

Render = Callable[..., Rendering]


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    return load_template()


@pytest.fixture(scope="session")
def render(template: dict[str, Any]) -> Render:
    """The template with these parameters, and where they say nothing with the least that it needs."""
    return lambda **parameters: Rendering(
        template, MINIMAL | {name: str(value) for name, value in parameters.items()}
    )


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """moto warns of what its CloudFormation does not know, which pytest would take for a failure: hence
    a process of its own, and a log."""
    log: Path = tmp_path_factory.mktemp("cloud") / "log"
    child = partial(Child, "tests.infra.moto_server")
    with patch("local.cloud.Child", lambda _, **options: child(**options)), EmbeddedCloud(log=log) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def client(cloud: EmbeddedCloud) -> Callable[[str], Any]:
    """A client of the tests' own for each service."""
    session = boto3.Session("local", "local", region_name="us-east-1")
    return cache(lambda name: session.client(name, endpoint_url=cloud.endpoint_url))


@pytest.fixture
def account(cloud: EmbeddedCloud, client: Callable[[str], Any]) -> Iterator[Account]:
    account = Account(
        stack=f"fx-{uuid.uuid4().hex[:12]}",
        client=client,
        environment=cloud.environment(),
    )
    yield account
    if account.status():
        account.client("cloudformation").delete_stack(StackName=account.stack)
