"""A cloud for the crash tests, started once; the AWS variables lead there while a module is tested."""

import logging
from collections.abc import Iterator

import pytest

from tests.proof.crash import Clip
from tests.proof.crash_table import aws


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clip]:
    with aws(tmp_path_factory.mktemp("clip")) as clip:
        yield clip


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """What simulated workers complain of is not worth its time."""
    package = logging.getLogger("extractor")
    level = package.level
    package.setLevel(logging.CRITICAL)
    yield
    package.setLevel(level)
