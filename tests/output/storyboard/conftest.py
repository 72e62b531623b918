"""The handler and its surroundings, with another output."""

from tests.handler.conftest import server, settings, world

__all__ = ["server", "settings", "world"]
