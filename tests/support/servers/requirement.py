"""What to do about a server that is not installed."""

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test, or in CI fail it: there, nothing may go untested unnoticed."""
    reason = f"{what} is not installed; run scripts/install_test_servers.sh"
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
