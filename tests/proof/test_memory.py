"""The ports in memory keep the contract of the real adapters: the very same tests."""

from collections.abc import Callable
from typing import Any

import pytest

from extractor.backends.storage.base import ObjectStore
from tests.backends.state import test_state_store
from tests.backends.state.test_state_store import Bench, video
from tests.backends.storage import test_object_store
from tests.proof.memory import Item, MemoryClaims, MemoryObjectStore, MemoryTable, Row, item_key


@pytest.fixture
def store() -> ObjectStore:
    return MemoryObjectStore()


@pytest.fixture(params=["table", "claims"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return _table() if request.param == "table" else _claims()


def _table() -> Bench:
    table = MemoryTable()

    def add(code: str) -> None:
        table.rows[code] = Row()

    return Bench(table, add, lambda code: table.rows[code].frame_count, lambda code: table.rows[code].error)


def _claims() -> Bench:
    items: dict[str, Item] = {}
    claims = MemoryClaims(items, lambda: 0.0, "us")

    def add(code: str) -> None:
        items[item_key(video(code))] = Item()

    def item(code: str) -> Item:
        return items[item_key(video(code))]

    return Bench(claims, add, lambda code: item(code).frame_count, lambda code: item(code).error)


def _tests(*modules: Any) -> dict[str, Callable[..., None]]:
    return {
        name: test for module in modules for name, test in vars(module).items() if name.startswith("test_")
    }


globals().update(_tests(test_object_store, test_state_store))
