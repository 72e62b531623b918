"""Where the extra of the detector `transnetv2` is missing, the worker refuses it."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from extractor.domain import extras
from extractor.errors import SettingsError
from tests.handler.conftest import World


@pytest.fixture(autouse=True)
def is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "torch" else find_spec(name))


@pytest.mark.failure_row(7)
def test_a_message_that_asks_for_it_is_invalid(world: World, plain_clip: Path) -> None:
    world.add_video("abc", plain_clip)
    assert world.deliver({"code": "abc", "scene_detector": "transnetv2"}) == []
    (letter,) = world.dead_letters()
    assert letter["reason"] == "INVALID_MESSAGE"
    assert "scene_detector transnetv2: torch is not installed" in letter["detail"]


@pytest.mark.failure_row(47)
def test_a_setting_that_asks_for_it_ends_the_start(world: World, settings: Callable[..., None]) -> None:
    settings(SCENE_DETECTOR="transnetv2")
    with pytest.raises(
        SettingsError, match="SCENE_DETECTOR: scene_detector transnetv2: torch is not installed"
    ):
        world.deliver({"code": "abc"})
