"""Settings are checked together, documented together, and never leak."""

import re
from pathlib import Path

import pytest

from extractor.cli.environment import load_dotenv_defaults
from extractor.errors import SettingsError
from extractor.settings import ALL_VARIABLES, Settings, capacity, load_settings, variable_names

ROOT = Path(__file__).parents[2]
MINIMAL = {"STATE_BACKEND": "sqlite", "SQLITE_PATH": "/tmp/state.sqlite"}
VARIABLES = {name.upper() for name in Settings.model_fields}


@pytest.mark.failure_row(47)
def test_every_wrong_variable_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"QUALITY": "0", "STRATEGY": "random", "VIDEO_KEYS": "{who}.mp4"})
    for name in ("QUALITY", "STRATEGY", "VIDEO_KEYS", "SUPABASE_URL", "SUPABASE_KEY"):
        assert f"{name}: " in str(caught.value)


@pytest.mark.parametrize("url", [{}, {"DEAD_LETTER_QUEUE_URL": " "}])
def test_a_last_delivery_needs_a_queue_that_takes_the_message(url: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"^DEAD_LETTER_QUEUE_URL: MAX_RECEIVES needs it$"):
        load_settings({**MINIMAL, **url, "MAX_RECEIVES": "5"})
    assert load_settings({**MINIMAL, "MAX_RECEIVES": "5", "DEAD_LETTER_QUEUE_URL": "http://q"}).max_receives
    assert load_settings({**MINIMAL, "MAX_RECEIVES": " "}).max_receives is None


def test_an_empty_variable_is_an_unset_one() -> None:
    assert load_settings({**MINIMAL, "MAX_FRAMES": "", "QUALITY": " "}) == load_settings(MINIMAL)


def test_the_key_is_in_no_representation() -> None:
    settings = load_settings({"SUPABASE_URL": "https://x.supabase.co", "SUPABASE_KEY": "top-secret"})
    assert "top-secret" not in repr(settings)
    assert "top-secret" not in settings.model_dump_json()


def test_the_example_file_explains_every_variable_and_no_other() -> None:
    text = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE)) - _OF_OTHERS == VARIABLES


PAGE = (ROOT / "docs" / "reference" / "settings.md").read_text()


def _table(heading: str) -> dict[str, str]:
    """The first two columns of the table below the heading."""
    text = PAGE.partition(f"{heading}\n")[2].partition("\n#")[0]
    return dict(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \| (.*?) \|", text, re.MULTILINE))


def test_the_page_of_settings_lists_every_variable_with_its_default() -> None:
    rows = _table("# Settings")
    assert set(rows) == VARIABLES
    for name, field in Settings.model_fields.items():
        if field.default_factory is None and name != "video_keys":
            default = field.default
            shown = (
                ""
                if default is None
                else f"`{str(default).lower() if isinstance(default, bool) else default}`"
            )
            assert rows[name.upper()].replace("`1`", "`1.0`") == shown.replace("`1`", "`1.0`"), name


_OF_OTHERS = {
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SQS",
}


@pytest.mark.parametrize("name", sorted(ALL_VARIABLES - VARIABLES))
def test_another_name_of_a_setting_is_understood(name: str) -> None:
    fields = [field for field in Settings.model_fields if name in variable_names(field)]
    settings = load_settings({**MINIMAL, name: "/tmp/other"})
    assert [str(getattr(settings, field)) for field in fields] == ["/tmp/other"] * len(fields) != []


def test_one_older_name_stands_for_both_buckets() -> None:
    settings = load_settings({**MINIMAL, "BUCKET_NAME": "one"})
    assert (settings.s3_bucket_videos, settings.s3_bucket_frames) == ("one", "one")


def test_the_page_of_settings_lists_the_other_names() -> None:
    found = {name: tuple(re.findall("`(.+?)`", cell)) for name, cell in _table("## Other names").items()}
    assert found == {
        field.upper(): others for field in Settings.model_fields if (others := variable_names(field)[1:])
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("S3_BUCKET_VIDEOS", "VIDEOS_BUCKET"),
        ("S3_BUCKET_VIDEOS", "BUCKET_NAME"),
        ("S3_BUCKET_FRAMES", "FRAMES_BUCKET"),
        ("FRAMES_BUCKET", "BUCKET_NAME"),
        ("WORK_DIR", "TMP_DIR"),
    ],
)
def test_two_names_of_a_setting_must_agree(first: str, second: str) -> None:
    load_settings({**MINIMAL, first: "same", second: "same "})
    with pytest.raises(SettingsError, match=f"{first} and {second}"):
        load_settings({**MINIMAL, first: "one", second: "other"})


def test_a_name_in_the_environment_has_precedence_over_another_name_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("VIDEOS_BUCKET=file\nTMP_DIR=/file\nQUALITY=5\n")
    monkeypatch.chdir(tmp_path)
    environment = {"S3_BUCKET_VIDEOS": "environment", "QUALITY": "6"}
    load_dotenv_defaults(environment)
    assert environment == {"S3_BUCKET_VIDEOS": "environment", "QUALITY": "6", "TMP_DIR": "/file"}


OLDER_SYSTEM = {
    "BUCKET_NAME": "video-sense",
    "VIDEOS_TABLE": "videos",
    "MAX_FRAMES": "100",
    "EXTRACT_FPS": "30",
    "TMP_DIR": "/tmp",
    "LOG_LEVEL": "INFO",
}


def test_the_variables_of_the_system_with_dynamodb_lack_one_and_the_error_names_it() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(OLDER_SYSTEM)
    assert "STATE_BACKEND=dynamodb" in str(caught.value)
    assert not re.search("SUPABASE|;.*;", str(caught.value))


def test_with_that_one_everything_is_as_that_system_does_it() -> None:
    settings = load_settings({**OLDER_SYSTEM, "STATE_BACKEND": "dynamodb"})
    assert (settings.s3_bucket_videos, settings.s3_bucket_frames) == ("video-sense", "video-sense")
    assert (settings.frames_layout, settings.policy.image_format, settings.policy.quality) == (
        "videosense",
        "webp",
        80,
    )
    assert (settings.policy.scene_detector, settings.policy.scene_threshold) == ("content", 30)
    assert (settings.policy.max_frames, settings.work_dir) == (100, Path("/tmp"))
    assert (settings.policy.interval_seconds, settings.policy.counts_frames) == (1 / 30, True)


def test_the_page_of_settings_lists_the_defaults_of_dynamodb() -> None:
    usual = load_settings(MINIMAL).model_dump()
    other = load_settings({"STATE_BACKEND": "dynamodb"}).model_dump()
    changed = {name for name in usual if usual[name] != other[name]} - {"state_backend", "sqlite_path"}
    page = {
        name.lower(): cell.partition("`")[2].partition("`")[0]
        for name, cell in _table("## Defaults of `STATE_BACKEND=dynamodb`").items()
    }
    assert page.keys() == changed
    assert all(str(other[name]).removesuffix(".0") == value for name, value in page.items())


def test_the_defaults_of_dynamodb_can_be_changed() -> None:
    settings = load_settings({"STATE_BACKEND": "dynamodb", "SCENE_DETECTOR": "none", "QUALITY": "70"})
    assert (settings.policy.scene_detector, settings.policy.scene_threshold, settings.policy.quality) == (
        None,
        None,
        70,
    )
    settings = load_settings({"STATE_BACKEND": "dynamodb", "SCENE_DETECTOR": "hash", "IMAGE_FORMAT": "png"})
    assert (settings.policy.scene_detector, settings.policy.scene_threshold) == ("hash", None)
    assert (settings.policy.image_format, settings.policy.quality) == ("png", 95)


def test_the_key_may_come_from_a_secret() -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf"
    settings = load_settings({"SUPABASE_URL": "https://x.supabase.co", "SUPABASE_KEY_SECRET_ARN": arn})
    assert (settings.supabase_key, settings.supabase_key_secret_arn) == (None, arn)


@pytest.mark.failure_row(47)
@pytest.mark.parametrize("wrong", [{"FRAMES_LAYOUT": "{who}/{index}"}, {"STATE_COLUMNS": "code=drop table"}])
def test_a_layout_or_column_that_makes_no_sense_is_named_at_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        load_settings({**MINIMAL, **wrong})


@pytest.mark.parametrize(
    ("function_mb", "cpus", "ffmpeg_mb", "records"),
    [
        (None, 8, None, 1),
        (1_769, 1.0, None, 1),
        (3_538, 1.5, None, 1),
        (3_538, 2.0, None, 2),
        (3_538, 2.0, 2_019, 2),
        (3_538, 2.0, 2_020, 1),
        (10_240, 5.8, None, 2),
        (2_500, 4.0, None, 1),
    ],
)
def test_two_records_are_handled_at_a_time_where_each_has_a_cpu_and_memory(
    function_mb: int | None, cpus: float, ffmpeg_mb: int | None, records: int
) -> None:
    assert capacity.records_at_once(cpus, function_mb, ffmpeg_mb) == records


def test_records_handled_at_a_time_share_the_functions_memory() -> None:
    settings = load_settings({**MINIMAL, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3538"})
    assert settings.limits(records=1).memory_bytes == 3_738_000_000
    assert settings.limits(records=2).memory_bytes == 2_019_000_000


@pytest.mark.parametrize(
    ("variables", "memory_mb"),
    [
        ({}, 3_000),
        ({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048"}, 2_248),
        ({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024"}, 1_224),
        ({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256"}, 700),
        ({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024", "FFMPEG_MEMORY_MB": "800"}, 800),
    ],
)
def test_ffmpegs_memory_follows_the_functions_unless_it_is_set(
    variables: dict[str, str], memory_mb: int
) -> None:
    assert load_settings({**MINIMAL, **variables}).limits().memory_bytes == memory_mb * 1_000_000


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"FRAME_INTERVAL": "1e-7"}, "FRAME_INTERVAL: must be 1e-06 to 86400, not 1e-07"),
        ({"EXTRACT_FPS": "1e-6"}, "EXTRACT_FPS: interval must be 1e-06 to 86400, not 1000000.0"),
    ],
)
def test_an_interval_that_no_message_may_have_is_no_default(variables: dict[str, str], text: str) -> None:
    with pytest.raises(SettingsError, match=f"^{re.escape(text)}$"):
        load_settings({**MINIMAL, **variables})
    allowed = load_settings({**MINIMAL, "FRAME_INTERVAL": "1e-7", "EXTRACT_FPS": "2"})
    assert allowed.policy.interval_seconds == 0.5
