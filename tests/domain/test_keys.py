"""Keys come from codes and platforms, and lead back to them."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.domain import keys
from extractor.domain.jobs import SourceVideo

TEMPLATES = ("{platform}/{code}/video.mp4", "{code}.mp4")
CODES = st.from_regex(re.compile(rf"\A{keys.CODE_PATTERN}\Z"))
PLATFORMS = st.none() | st.from_regex(re.compile(rf"\A{keys.PLATFORM_PATTERN}\Z"))
OBJECT_KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=300)


def test_a_template_with_a_platform_needs_one() -> None:
    assert list(keys.video_keys(TEMPLATES, "abc", "tiktok")) == ["tiktok/abc/video.mp4", "abc.mp4"]
    assert list(keys.video_keys(TEMPLATES, "abc", None)) == ["abc.mp4"]


@given(CODES, PLATFORMS)
def test_the_first_key_of_a_video_identifies_it(code: str, platform: str | None) -> None:
    first = next(keys.video_keys(TEMPLATES, code, platform))
    assert keys.parse_video_key(TEMPLATES, first) == (platform, code)


@given(CODES)
def test_a_template_may_name_the_code_twice(code: str) -> None:
    template = "{code}/{code}.mp4"
    assert keys.parse_video_key([template], f"{code}/{code}.mp4") == (None, code)
    assert keys.parse_video_key([template], f"{code}/{code}x.mp4") != (None, code)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("folder/what is this?.mp4", "what-is-this"),
        ("uploads/2024/holiday.mov", "holiday"),
        ("Ünïcödé + 100%.mp4", "n-c-d-100"),
        ("a/…/.mp4", "mp4"),
        ("x" * 900 + ".mp4", "x" * 64),
    ],
)
def test_a_key_that_fits_no_template_gets_a_code_that_shows_its_name(key: str, name: str) -> None:
    platform, code = keys.parse_video_key(TEMPLATES, key)
    assert (platform, code) == (None, f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}")


@pytest.mark.failure_row(3)
@given(OBJECT_KEYS)
def test_any_key_has_a_code_that_is_one(key: str) -> None:
    _, code = keys.parse_video_key(TEMPLATES, key)
    assert re.fullmatch(keys.CODE_PATTERN, code)


@given(OBJECT_KEYS, OBJECT_KEYS)
def test_different_keys_have_different_codes(one: str, other: str) -> None:
    assert (keys.parse_video_key(TEMPLATES, one) == keys.parse_video_key(TEMPLATES, other)) == (one == other)


@pytest.mark.parametrize(
    ("key", "meanings"),
    [
        ("plain.mp4", ["plain.mp4"]),
        ("1+2.mp4", ["1+2.mp4", "1 2.mp4"]),
        ("100%25.mp4", ["100%25.mp4", "100%.mp4"]),
        ("%ff.mp4", ["%ff.mp4"]),  # decoded, it would be no text
    ],
)
def test_a_key_means_itself_before_it_means_what_it_encodes(key: str, meanings: list[str]) -> None:
    assert list(keys.readings(key)) == meanings


def test_files_of_one_name_in_two_folders_are_two_videos() -> None:
    assert keys.parse_video_key(TEMPLATES, "a/video.mp4") != keys.parse_video_key(TEMPLATES, "b/video.mp4")


def test_a_video_id_is_the_one_that_others_compute() -> None:
    expected = hashlib.sha256(b"uploads|clips/a b.mp4|0123456789abcdef").hexdigest()
    for etag in ("0123456789abcdef", '"0123456789abcdef"'):
        assert keys.content_id(SourceVideo("uploads", "clips/a b.mp4", etag, 5)) == expected


@pytest.mark.parametrize("template", ["{code", "{code:>9}", "{code!r}.mp4", "code}"])
def test_templates_of_videos_have_plain_fields(template: str) -> None:
    with pytest.raises(ValueError):
        keys.template_fields(template)
