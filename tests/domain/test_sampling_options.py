"""A declaration of a sampling option makes its field of messages, its setting, its flag and its checks."""

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict
from pydantic import ValidationError

from extractor.cli.sampling_options import add_sampling_options, asked_for
from extractor.domain.option import SamplingOption, sampling_option
from extractor.domain.option_checks import NoEffectError, checked_policy, parsed
from extractor.domain.policy import SCENE_STRATEGIES, STRATEGY_TEXTS, SamplingPolicy, Strategy
from extractor.domain.sampling_options import SAMPLING_OPTIONS
from extractor.domain.video_message import VideoMessage, VideoRequest, message_model
from extractor.enqueue.arguments import build_parser
from extractor.pipeline.local import extract_frames
from extractor.pipeline.local_options import SamplingOptions
from extractor.settings import Settings
from extractor.settings.sampling import SamplingDefaults, sampling_settings
from tests.docs.deployment_files import render_env_example, render_template, whole_number_pattern

Grain = Literal["fine", "coarse"]


class NextPolicy(SamplingPolicy, frozen=True):
    """The policy of a later version, which has three more options."""

    denoise_seconds: float | None = None
    grain: Grain = "fine"
    moments: tuple[float, ...] = ()


NEW = (
    sampling_option(
        "denoise_seconds",
        policy=NextPolicy,
        name="denoise",
        aliases=("smooth",),
        help="average over so many seconds",
        setting_help="seconds to average over",
        group="image output",
        metavar="S",
        no_default="none",
        minimum=0,
        maximum=5,
        strategies=("uniform", "scene"),
        strategies_text="only {} can be averaged",
    ),
    sampling_option(
        "grain",
        policy=NextPolicy,
        help="fine or coarse",
        setting_help="fine or coarse grain",
        group="analysis",
        unused=lambda policy: "PNG has no grain" if policy.image_format == "png" else None,
    ),
    sampling_option(
        "moments",
        policy=NextPolicy,
        one_video=True,
        help="moments",
        group="frame selection",
        no_default="none",
        minimum=0,
        maximum=10,
        max_items=3,
        implied_strategy="keyframe",
    ),
)
OPTIONS = (*SAMPLING_OPTIONS, *NEW)


@pytest.fixture(scope="module")
def message() -> type[VideoRequest]:
    return message_model(OPTIONS)


@pytest.fixture(scope="module")
def settings() -> type[SamplingDefaults]:
    return sampling_settings(OPTIONS, NextPolicy)


def _applied(message: type[VideoRequest], **fields: object) -> Mapping[str, object]:
    request = message.model_validate({"code": "abc", **fields})
    return asdict(request.applied_to(NextPolicy()))


@pytest.mark.parametrize("name", ["denoise", "smooth", "denoise_seconds"])
def test_a_message_has_a_new_option_under_all_its_names(message: type[VideoRequest], name: str) -> None:
    assert _applied(message, **{name: 2})["denoise_seconds"] == 2
    sent = message.model_validate({"code": "abc", name: 2}).model_dump_json(by_alias=True, exclude_none=True)
    assert sent == '{"code":"abc","denoise":2.0}'


@pytest.mark.parametrize(
    "fields", [{"denoise": 6}, {"denoise": -1}, {"grain": "odd"}, {"moments": []}, {"moments": [0, 1, 2, 3]}]
)
def test_a_message_has_the_bounds_of_a_new_option(
    message: type[VideoRequest], fields: dict[str, object]
) -> None:
    with pytest.raises(ValidationError):
        message.model_validate({"code": "abc", **fields})


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"denoise": 1, "timestamps": [1]},
            "denoise: has no effect: the strategy is 'timestamps'; "
            "only 'uniform' and 'scene' can be averaged",
        ),
        ({"grain": "coarse", "format": "png"}, "grain: has no effect: PNG has no grain"),
    ],
)
def test_a_new_option_without_effect_is_refused(
    message: type[VideoRequest], fields: dict[str, object], text: str
) -> None:
    with pytest.raises(NoEffectError, match=f"^{re.escape(text)}$"):
        _applied(message, **fields)


def test_a_new_option_can_imply_a_strategy_that_needs_it(message: type[VideoRequest]) -> None:
    assert _applied(message, moments=[1, 2]) == asdict(NextPolicy(strategy="keyframe", moments=(1.0, 2.0)))
    with pytest.raises(ValueError, match=r"^moments: strategy 'keyframe' needs them"):
        _applied(message, strategy="keyframe")
    with pytest.raises(ValueError, match=r"^moments: strategy 'keyframe' needs them"):
        _applied(message, strategy="scene", moments=[1])


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (NextPolicy(denoise_seconds=6), "denoise: must be 0 to 5, not 6"),
        (NextPolicy(grain="odd"), "grain: must be one of fine, coarse, not 'odd'"),  # type: ignore[arg-type]
        (NextPolicy(strategy="keyframe", moments=(1, 11)), "moments: must be 0 to 10, not 11"),
    ],
)
def test_a_policy_is_checked_for_the_bounds_of_a_new_option(policy: NextPolicy, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        checked_policy(policy, OPTIONS)


def test_the_settings_have_a_new_option_with_its_default_text_and_bounds(
    settings: type[SamplingDefaults],
) -> None:
    assert settings.model_fields["denoise"].description == "seconds to average over"
    assert "moments" not in settings.model_fields
    assert settings.model_validate({}).policy == NextPolicy()
    chosen = settings.model_validate({"denoise": "2.5", "grain": "coarse", "image_format": "png"})
    assert chosen.policy == NextPolicy(denoise_seconds=2.5, grain="coarse", image_format="png")
    assert chosen.idle_options == "GRAIN: has no effect: PNG has no grain"
    for wrong in ({"denoise": "6"}, {"grain": "odd"}):
        with pytest.raises(ValidationError):
            settings.model_validate(wrong)


def _keys(given: Sequence[tuple[SamplingOption, object]]) -> dict[str, object]:
    return {option.key: value for option, value in given}


def test_a_command_line_for_one_video_has_a_new_option() -> None:
    parser = argparse.ArgumentParser()
    add_sampling_options(parser, defaults=NextPolicy(), options=OPTIONS)
    arguments = parser.parse_args(["--denoise", "1.5", "--grain", "coarse", "--moments", "1,2"])
    assert _keys(asked_for(arguments, OPTIONS)) == {
        "denoise_seconds": 1.5,
        "grain": "coarse",
        "moments": (1, 2),
    }
    text = " ".join(parser.format_help().split())
    assert "average over so many seconds (default: none)" in text
    assert "fine or coarse (default: fine)" in text
    with pytest.raises(SystemExit):
        parser.parse_args(["--denoise", "6"])


def test_a_command_line_for_many_videos_has_a_new_option_unless_it_fits_only_one() -> None:
    parser = argparse.ArgumentParser()
    add_sampling_options(parser, defaults=None, options=OPTIONS)
    assert _keys(asked_for(parser.parse_args(["--denoise", "1.5"]), OPTIONS)) == {"denoise_seconds": 1.5}
    with pytest.raises(SystemExit):
        parser.parse_args(["--moments", "1,2"])


def test_the_example_and_the_template_get_the_lines_of_a_new_option() -> None:
    assert "# seconds to average over\nDENOISE=\n" in render_env_example(OPTIONS)
    template = render_template(OPTIONS)
    assert ' Denoise: { Type: String, Default: "", AllowedPattern: ' in template
    assert ' Grain: { Type: String, Default: "", AllowedValues: ["", "fine", "coarse"], ' in template
    assert " DENOISE: !Ref Denoise\n" in template
    assert " Denoise, Grain," in template
    assert "Moments" not in template


@pytest.mark.parametrize(("least", "most"), [(0, 64), (1, 100), (1, 8), (0, 9), (0, 999), (1, 250)])
def test_the_template_allows_the_whole_numbers_that_a_setting_allows(least: int, most: int) -> None:
    pattern = re.compile(whole_number_pattern(least, most))
    allowed = [number for number in range(2_000) if pattern.fullmatch(str(number))]
    assert allowed == list(range(least, most + 1))


def test_every_field_of_the_policy_is_set_by_an_option() -> None:
    fields = {option.field for option in SAMPLING_OPTIONS}
    assert fields | {"counts_frames"} == set(SamplingPolicy.__struct_fields__)


def _names(options: Sequence[SamplingOption]) -> list[str]:
    return [name for option in options for name in option.message_names]


def test_no_two_options_have_a_name_in_common() -> None:
    assert sorted(set(_names(SAMPLING_OPTIONS))) == sorted(_names(SAMPLING_OPTIONS))


def test_the_models_and_command_lines_have_every_option() -> None:
    assert {option.key for option in SAMPLING_OPTIONS} <= VideoMessage.model_fields.keys()
    assert {option.setting for option in SAMPLING_OPTIONS if option.setting} <= Settings.model_fields.keys()
    flags = {flag for action in build_parser()._actions for flag in action.option_strings}
    assert {option.flag for option in SAMPLING_OPTIONS if option.setting} <= flags


def test_the_python_api_has_every_option_with_its_type() -> None:
    api = {**get_type_hints(extract_frames), **get_type_hints(SamplingOptions)}
    for option in SAMPLING_OPTIONS:
        name = next((name for name in option.message_names if name in api), None)
        assert name, f"SamplingOptions in extractor/pipeline/local_options.py lacks the option {option.name}"
        types = get_args(api[name]) if type(None) in get_args(api[name]) else (api[name],)
        kind = get_args(option.annotation)[:1]
        expected = Sequence[kind] if option.is_list else option.annotation  # type: ignore[valid-type]
        assert expected in types, f"{name} is not {expected}"


def test_every_strategy_is_explained() -> None:
    assert tuple(STRATEGY_TEXTS) == get_args(Strategy)
    assert set(get_args(Strategy)) >= SCENE_STRATEGIES
    assert set(get_args(Strategy)) >= {name for option in SAMPLING_OPTIONS for name in option.strategies}


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("fps", "0", "must be greater than 0 and at most 1000, not 0.0"),
        ("fps", "nan", "must be greater than 0 and at most 1000, not nan"),
        ("interval", "0", "must be greater than 0 and at most 86400, not 0.0"),
        ("interval", "1e-7", "must be 1e-06 to 86400, not 1e-07"),
        ("fps", "1001", "must be at most 1000, not 1001.0"),
        ("interval", "soon", "must be a number, not 'soon'"),
        ("quality", "101", "must be 1 to 100, not 101"),
        ("quality", "95.5", "must be a whole number, not '95.5'"),
        ("max_frames", "-1", "must be at least 1, not -1"),
        ("timestamps", "1,,2", "must be a list of numbers such as 0,1.5,12, not '1,,2'"),
        ("timestamps", "1,-1", "must be 0 to 1e+09, not -1.0"),
        ("timestamps", ",".join(["1"] * 10_001), "must have at most 10000 values, not 10001"),
    ],
)
def test_a_text_that_is_no_value_of_an_option_is_refused(name: str, text: str, problem: str) -> None:
    option = next(option for option in SAMPLING_OPTIONS if option.name == name)
    with pytest.raises(ValueError, match=rf"\A{re.escape(problem)}\Z"):
        parsed(option, text)


@given(st.floats(1e-6, 86_400))
def test_a_number_on_a_command_line_is_the_number_in_a_message(seconds: float) -> None:
    option = next(option for option in SAMPLING_OPTIONS if option.name == "interval")
    message = VideoMessage.model_validate({"code": "any", "interval": seconds})
    assert parsed(option, repr(seconds)) == message.interval_seconds  # type: ignore[attr-defined]
