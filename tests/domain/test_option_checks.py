"""An option of a message or a command line that has no effect is refused with the reason; a setting is a
default for messages, and is named at the start."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from extractor.__main__ import main
from extractor.domain.messages import parse_message
from extractor.domain.policy import SamplingPolicy
from extractor.errors import InvalidMessageError
from extractor.settings import load_settings

_MINIMAL = {"STATE_BACKEND": "sqlite", "SQLITE_PATH": "/tmp/state.sqlite"}
Options = Mapping[str, object]

REFUSED: dict[str, tuple[Options, str, str]] = {
    "interval with keyframe": ({"strategy": "keyframe", "interval": 2}, "interval", "only 'uniform'"),
    "interval with scene": ({"strategy": "scene", "interval": 2}, "interval", "only 'uniform'"),
    "fps with keyframe": ({"strategy": "keyframe", "fps": 2}, "fps", "only 'uniform'"),
    "fps with timestamps": ({"timestamps": [1.0], "fps": 2}, "fps", "only 'uniform'"),
    "interval with timestamps": ({"timestamps": [1.0], "interval": 2}, "interval", "only 'uniform'"),
    "tolerance with keyframe": ({"strategy": "keyframe", "tolerance": 1}, "tolerance", "exact times"),
    "threshold without detector": ({"scene_threshold": 30}, "scene_threshold", "no scene detector"),
    "scene frame without scenes": ({"scene_frame": "first"}, "scene_frame", "only 'scene'"),
    "quality of PNG": ({"format": "png", "quality": 80}, "quality", "PNG is lossless"),
    "interval with a count": ({"count": 5, "interval": 2}, "interval", "only 'uniform'"),
    "part of timestamps": ({"timestamps": [1.0], "start": 1}, "start", "can take a part"),
    "part of given frames": ({"frames": [0, -1], "start": 1}, "start", "can take a part"),
    "seed without random": ({"seed": 5}, "seed", "only 'random'"),
    "scene frame of many": ({"per_scene": 2, "scene_frame": "first"}, "scene_frame", "only 'scene'"),
    "mode without a limit": ({"max_frames_mode": "spread"}, "max_frames_mode", "max_frames sets no limit"),
}

ACCEPTED: dict[str, Options] = {
    "threshold of the default detector": {"strategy": "scene", "scene_threshold": 30},
    "threshold of a detector": {"scene_detector": "hash", "scene_threshold": 0.4},
    "scene frame": {"strategy": "scene", "scene_frame": "first"},
    "tolerance around timestamps": {"timestamps": [1.0], "tolerance": 0.5},
    "mode with a limit": {"max_frames": 5, "max_frames_mode": "spread"},
    "quality of WebP": {"format": "webp", "quality": 80},
    "numbers of frames": {"frames": [0, 10, -1]},
    "last seconds": {"start": -5},
    "part of every n-th frame": {"every_n_frames": 5, "start": 1, "end": -1},
    "threshold of scenes with many frames": {"per_scene": 2, "scene_threshold": 30, "end": 60},
    "random with a seed": {"random": 5, "seed": 1},
    "limit of timestamps": {"timestamps": [1.0, 2.0], "max_frames": 1},
}


def _flags(options: Options) -> list[str]:
    values = {
        name: ",".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in options.items()
    }
    return [part for name, value in values.items() for part in ("--" + name.replace("_", "-"), value)]


@pytest.mark.parametrize(("options", "name", "why"), REFUSED.values(), ids=REFUSED)
def test_a_message_is_refused(options: Options, name: str, why: str) -> None:
    with pytest.raises(InvalidMessageError, match=f"{name}: has no effect: .*{why}"):
        parse_message({"code": "abc", **options}, SamplingPolicy(), ["{code}.mp4"])


@pytest.mark.parametrize("options", ACCEPTED.values(), ids=ACCEPTED)
def test_a_message_whose_options_all_count_is_accepted(options: Options) -> None:
    assert parse_message({"code": "abc", **options}, SamplingPolicy(), ["{code}.mp4"])


def test_a_message_that_changes_the_strategy_is_not_refused_for_what_the_settings_say() -> None:
    settings = load_settings(
        {**_MINIMAL, "FRAME_INTERVAL": "5", "QUALITY": "80", "MAX_FRAMES": "9", "MAX_FRAMES_MODE": "spread"}
    )
    for options in (
        {"strategy": "keyframe"},
        {"timestamps": [1.0]},
        {"format": "png"},
        {"strategy": "scene"},
    ):
        assert parse_message({"code": "abc", **options}, settings.policy, ["{code}.mp4"])


def test_an_option_may_depend_on_the_settings() -> None:
    scenes = load_settings({**_MINIMAL, "STRATEGY": "scene"}).policy
    assert parse_message({"code": "abc", "scene_threshold": 20}, scenes, ["{code}.mp4"])
    with pytest.raises(InvalidMessageError, match="interval: has no effect"):
        parse_message({"code": "abc", "interval": 2}, scenes, ["{code}.mp4"])


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"STRATEGY": "keyframe", "FRAME_INTERVAL": "2"}, "FRAME_INTERVAL"),
        ({"STRATEGY": "keyframe", "EXTRACT_FPS": "2"}, "EXTRACT_FPS"),
        ({"STRATEGY": "scene", "TOLERANCE": "0.5"}, "TOLERANCE"),
        ({"SCENE_THRESHOLD": "30"}, "SCENE_THRESHOLD"),
        ({"SCENE_FRAME": "first"}, "SCENE_FRAME"),
        ({"MAX_FRAMES_MODE": "spread"}, "MAX_FRAMES_MODE"),
        ({"IMAGE_FORMAT": "png", "QUALITY": "80"}, "QUALITY"),
    ],
)
def test_settings_are_defaults_for_messages_that_choose_otherwise_and_named_as_such(
    variables: dict[str, str], name: str
) -> None:
    idle = load_settings({**_MINIMAL, **variables}).idle_options
    assert idle is not None
    assert re.findall(r"(\S+): has no effect: ", idle) == [name]


@pytest.mark.parametrize(
    ("variables", "options", "field", "value"),
    [
        ({"STRATEGY": "keyframe", "FRAME_INTERVAL": "2"}, {"strategy": "uniform"}, "interval_seconds", 2),
        ({"STRATEGY": "keyframe", "EXTRACT_FPS": "4"}, {"strategy": "uniform"}, "interval_seconds", 0.25),
        ({"STRATEGY": "scene", "TOLERANCE": "0.5"}, {"timestamps": [1.0]}, "tolerance_seconds", 0.5),
        ({"SCENE_THRESHOLD": "30"}, {"strategy": "scene"}, "scene_threshold", 30),
        ({"SCENE_THRESHOLD": "30"}, {"scene_detector": "content"}, "scene_threshold", 30),
        ({"SCENE_THRESHOLD": "30"}, {"scene_detector": "hash"}, "scene_threshold", None),
        ({"SCENE_FRAME": "first"}, {"strategy": "scene"}, "scene_frame", "first"),
        ({"MAX_FRAMES_MODE": "spread"}, {"max_frames": 3}, "max_frames_mode", "spread"),
        ({"IMAGE_FORMAT": "png", "QUALITY": "80"}, {"format": "jpg"}, "quality", 80),
    ],
)
def test_a_message_that_chooses_otherwise_uses_them(
    variables: dict[str, str], options: Options, field: str, value: object
) -> None:
    policy = load_settings({**_MINIMAL, **variables}).policy
    (job,) = parse_message({"code": "abc", **options}, policy, ["{code}.mp4"])
    assert getattr(job.policy, field) == value


def test_a_setting_that_states_the_default_does_not_count_as_set() -> None:
    defaults = {"FRAME_INTERVAL": "1", "QUALITY": "95", "MAX_FRAMES_MODE": "first", "SCENE_FRAME": "middle"}
    settings = load_settings({**_MINIMAL, **defaults, "STRATEGY": "keyframe", "IMAGE_FORMAT": "png"})
    assert settings.idle_options is None


@pytest.mark.parametrize(("options", "name", "why"), REFUSED.values(), ids=REFUSED)
def test_the_command_line_is_refused_by_the_name_of_the_flag(
    options: Options, name: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flag = "--" + name.replace("_", "-")
    assert main(["any.mp4", "--out", str(tmp_path / "out"), *_flags(options)]) == 2
    assert f"error: {flag}: has no effect: " in (told := capsys.readouterr().err)
    assert why in told
    assert not (tmp_path / "out").exists()
