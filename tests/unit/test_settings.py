"""Settings are checked together, documented together, and never leak."""

import re
from pathlib import Path

import pytest

from extractor.errors import SettingsError
from extractor.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
MINIMAL = {"STATE_BACKEND": "sqlite", "SQLITE_PATH": "/tmp/state.sqlite"}
VARIABLES = {name.upper() for name in Settings.model_fields}


@pytest.mark.failure_row(47)
def test_every_wrong_variable_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"QUALITY": "0", "STRATEGY": "random", "VIDEO_KEYS": "{who}.mp4"})
    for name in ("QUALITY", "STRATEGY", "VIDEO_KEYS", "SUPABASE_URL", "SUPABASE_KEY"):
        assert f"{name}: " in str(caught.value)


def test_an_empty_variable_is_an_unset_one() -> None:
    assert load_settings({**MINIMAL, "MAX_FRAMES": "", "QUALITY": " "}) == load_settings(MINIMAL)


def test_the_key_is_in_no_representation() -> None:
    settings = load_settings({"SUPABASE_URL": "https://x.supabase.co", "SUPABASE_KEY": "top-secret"})
    assert "top-secret" not in repr(settings)
    assert "top-secret" not in settings.model_dump_json()


def test_the_example_file_explains_every_variable_and_no_other() -> None:
    text = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE)) - _OF_OTHERS == VARIABLES


def test_the_readme_lists_every_variable_with_its_default() -> None:
    text = (ROOT / "README.md").read_text()
    rows = dict(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \| (.*?) \|", text, re.MULTILINE))
    assert set(rows) - _OF_OTHERS == VARIABLES
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


def test_the_names_of_the_older_system_are_understood() -> None:
    older = load_settings({**MINIMAL, "BUCKET_NAME": "videos-and-frames", "TMP_DIR": "/tmp/older"})
    assert (older.videos_bucket, older.frames_bucket) == ("videos-and-frames", "videos-and-frames")
    assert older.work_dir == Path("/tmp/older")
    both = load_settings({**MINIMAL, "BUCKET_NAME": "older", "FRAMES_BUCKET": "newer"})
    assert (both.videos_bucket, both.frames_bucket) == ("older", "newer")


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
    assert load_settings({**MINIMAL, **variables}).limits.memory_bytes == memory_mb * 1_000_000
