"""Keys come from codes and platforms, and lead back to them."""

import re

from hypothesis import given
from hypothesis import strategies as st

from extractor import keys

TEMPLATES = ("{platform}/{code}/video.mp4", "{code}.mp4")
CODES = st.from_regex(re.compile(rf"\A{keys.CODE_PATTERN}\Z"))
PLATFORMS = st.none() | st.from_regex(re.compile(rf"\A{keys.PLATFORM_PATTERN}\Z"))


def test_a_template_with_a_platform_needs_one() -> None:
    assert list(keys.video_keys(TEMPLATES, "abc", "tiktok")) == ["tiktok/abc/video.mp4", "abc.mp4"]
    assert list(keys.video_keys(TEMPLATES, "abc", None)) == ["abc.mp4"]


def test_frames_lie_beside_their_manifest() -> None:
    assert keys.frame_key(keys.frames_prefix("abc", "tiktok"), 7, "jpg") == "tiktok/abc/000007.jpg"
    assert keys.manifest_key(keys.frames_prefix("abc", None)) == "abc/manifest.json"


@given(CODES, PLATFORMS)
def test_the_first_key_of_a_video_identifies_it(code: str, platform: str | None) -> None:
    first = next(keys.video_keys(TEMPLATES, code, platform))
    assert keys.identify(TEMPLATES, first) == (platform, code)


@given(CODES, PLATFORMS)
def test_no_code_leads_out_of_its_folder(code: str, platform: str | None) -> None:
    parts = keys.frame_key(keys.frames_prefix(code, platform), 0, "jpg").split("/")
    assert len(parts) == (3 if platform else 2)
    assert not {"", ".", ".."} & set(parts)


def test_a_key_that_tells_no_code_is_not_guessed_at() -> None:
    assert keys.identify(TEMPLATES, "folder/what is this?.mp4") is None
