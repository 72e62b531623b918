"""The registry of state stores: one entry adds a store, and an unknown name fails at the start."""

import subprocess
import sys

import pytest

from extractor import container
from extractor.backends.state import BACKENDS, StateBackend, find_backend
from extractor.errors import SettingsError
from extractor.settings import Settings, load_settings
from tests.backends.state.memory import MEMORY


def test_an_unknown_store_fails_at_the_start_with_the_allowed_names() -> None:
    with pytest.raises(SettingsError, match=r"^STATE_BACKEND: must be one of supabase, dynamodb, sqlite$"):
        load_settings({"STATE_BACKEND": "redis"})
    with pytest.raises(SettingsError, match=r"^STATE_BACKEND: must be one of supabase, dynamodb, sqlite$"):
        find_backend("redis")


def test_a_registered_store_is_an_allowed_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKENDS, "memory", MEMORY)
    settings = load_settings({"STATE_BACKEND": "memory"})
    with pytest.raises(SettingsError, match="memory has no backlog"):
        container.build_table(settings)


def test_a_registered_store_gets_the_settings_that_it_requires(monkeypatch: pytest.MonkeyPatch) -> None:
    needy = StateBackend(MEMORY.module, (("sqlite_path", "supabase_url"), ("supabase_key",)))
    monkeypatch.setitem(BACKENDS, "memory", needy)
    with pytest.raises(SettingsError) as caught:
        load_settings({"STATE_BACKEND": "memory"})
    assert str(caught.value) == (
        "SQLITE_PATH: STATE_BACKEND=memory needs it; SUPABASE_KEY: STATE_BACKEND=memory needs it"
    )
    load_settings({"STATE_BACKEND": "memory", "SUPABASE_URL": "https://any", "SUPABASE_KEY": "any"})


def test_required_settings_are_settings() -> None:
    names = {name for backend in BACKENDS.values() for names in backend.required_settings for name in names}
    assert names <= Settings.model_fields.keys()


@pytest.mark.parametrize("name", BACKENDS)
def test_every_module_opens_a_store_for_the_worker_and_for_the_command_lines(name: str) -> None:
    module = BACKENDS[name].load()
    assert callable(module.open_state)
    assert callable(module.open_table)


def test_reading_the_settings_loads_no_client_of_a_store() -> None:
    clients = {"postgrest", "botocore", "sqlite3"}
    code = f"import sys, extractor.settings; print(sorted({clients} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
