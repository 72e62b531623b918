"""State stores: the interfaces in `base`, and the registry of stores that STATE_BACKEND can name.

To add a store, write a module with the functions of `StateModule`, add an entry to `BACKENDS`, and declare
its settings in `extractor.settings`. The contract tests are in ``tests/backends/state``.
"""

from importlib import import_module
from typing import Any, Protocol, cast

from msgspec import Struct

from extractor.backends.state.base import StateStore, VideoTable
from extractor.errors import SettingsError


class StateModule(Protocol):
    """The functions of a module that implements a state store."""

    def open_state(self, settings: Any) -> StateStore:
        """Open the store for the worker. No network is used before the first call.

        Args:
            settings: The settings; a module declares the fields that it reads as a Protocol.

        Raises:
            SettingsError: A setting is wrong or missing.
        """
        ...

    def open_table(self, settings: Any) -> VideoTable:
        """Open the store for the command lines.

        Args:
            settings: The settings.

        Raises:
            SettingsError: A setting is wrong or missing, or this store has no backlog.
        """
        ...


class StateBackend(Struct, frozen=True):
    """An entry of the registry.

    Attributes:
        module: The module with the functions of `StateModule`. It is imported when the store is opened, so
            that a process loads only the client that it uses.
        required_settings: The settings that must be set. Of several names in one entry, one is enough. The
            first setting is the address of the store.
    """

    module: str
    required_settings: tuple[tuple[str, ...], ...]

    def address(self, settings: object) -> str:
        """Return the setting that tells this store from another one of its kind."""
        return str(getattr(settings, self.required_settings[0][0])) if self.required_settings else ""

    def load(self) -> StateModule:
        """Import the module."""
        return cast("StateModule", import_module(self.module))


BACKENDS: dict[str, StateBackend] = {
    "supabase": StateBackend(
        "extractor.backends.state.supabase.backend",
        (("supabase_url",), ("supabase_key", "supabase_key_secret_arn")),
    ),
    "dynamodb": StateBackend("extractor.backends.state.dynamodb.store", ()),
    "sqlite": StateBackend("extractor.backends.state.sqlite", (("sqlite_path",),)),
}
"""The state stores by the value of STATE_BACKEND."""


def find_backend(name: str) -> StateBackend:
    """Return the state store that STATE_BACKEND names.

    Raises:
        SettingsError: There is no such store; the message lists the allowed names.
    """
    if name not in BACKENDS:
        raise SettingsError(f"STATE_BACKEND: must be one of {', '.join(BACKENDS)}")
    return BACKENDS[name]
