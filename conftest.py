"""Fixtures that all tests share."""

pytest_plugins = ["tests.media.decoding"]
