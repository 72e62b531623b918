"""Whatever layout is accepted keeps videos and frames apart, under keys that S3 takes."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from extractor.domain import keys, layout
from extractor.domain.layout import LAYOUTS, FrameKeys, Layout, parse_layout

CODES = st.sampled_from(["a", "a1", "a-1", "1", "10", "tiktok", "frames"]) | st.from_regex(
    re.compile(rf"\A{keys.CODE_PATTERN}\Z")
)
PLATFORMS = (
    st.none()
    | st.sampled_from(["a", "1", "tiktok", "frames"])
    | st.from_regex(re.compile(rf"\A{keys.PLATFORM_PATTERN}\Z"))
)
VIDEO_IDS = st.from_regex(re.compile(r"\A[0-9a-f]{64}\Z"))
INTERVALS = st.sampled_from([0.5, 1.0, 10.5]) | st.floats(1e-6, 86_400)
FORMATS = st.sampled_from(["jpg", "webp", "png"])
COUNTS = st.integers(0, 120) | st.integers(0, 10**7)
FRAMES = st.tuples(COUNTS, COUNTS, st.sampled_from([0.0, 0.5, 1.0, 1.1, 10.5]) | st.floats(0, 1e6))


def _accepted(template: str) -> bool:
    try:
        parse_layout(template)
    except ValueError:
        return False
    return True


FOLDERS = [
    *(
        "{platform}",
        "{code}",
        "{video_id}",
        "{interval}",
        "{ext}",
        "v_{code}",
        "every{interval:.2f}",
        "7",
        "é x",
    ),
    *("{platform}-{code}", "{code}{interval}", "{platform}{code}"),
]
FIELDS = [
    "{index}",
    "{index:06d}",
    "{number}",
    "{slot:03d}",
    "{seconds}",
    "{seconds:.2f}",
    "{pts_seconds:07.1f}",
]
BETWEEN = ["_", "-", ".", "x7", "/", "_{code}", "{ext}.", "_{platform}_", "7", ""]
NAMES = st.lists(st.tuples(st.sampled_from(FIELDS), st.sampled_from(BETWEEN)), min_size=1, max_size=4).map(
    lambda parts: "".join(map("".join, parts)) + "{ext}"
)
TEMPLATES = st.sampled_from(sorted(LAYOUTS)) | st.builds(
    lambda folders, name: "/".join([*folders, name]),
    st.lists(st.sampled_from(FOLDERS), min_size=1, max_size=4, unique=True),
    NAMES,
).filter(_accepted)
VIDEOS = st.fixed_dictionaries(
    {
        "code": CODES,
        "platform": PLATFORMS,
        "video_id": VIDEO_IDS,
        "interval_seconds": INTERVALS,
        "extension": FORMATS,
    }
).filter(lambda video: video["platform"] is not None or video["code"] not in layout.PLATFORMS)


def _naming(layout: str, platform: str | None = "tiktok", interval: float = 1.0) -> FrameKeys:
    return parse_layout(layout).frame_keys(
        code="abc", platform=platform, video_id="f" * 64, interval_seconds=interval, extension="jpg"
    )


@pytest.mark.parametrize(
    ("layout", "platform", "folder", "frame"),
    [
        ("default", "tiktok", "tiktok/abc/", "000006.jpg"),
        ("default", None, "abc/", "000006.jpg"),
        ("seconds", "tiktok", "tiktok/abc/frames/1sec/", "7.jpg"),
        ("seconds", None, "abc/frames/1sec/", "7.jpg"),
        ("flat", "tiktok", "tiktok/abc/frames/", "6.jpg"),
        ("timestamped", "tiktok", "tiktok/abc/", "7_7.03.jpg"),
        ("videosense", "tiktok", f"frames/{'f' * 64}/", "frame_000006.jpg"),
        ("a/{code}/{slot}/x{number:03d}_{pts_seconds:.1f}", "tiktok", "a/abc/", "7/x007_7.0"),
        ("{code}/{platform}/every {interval:.2f}/{index}.{ext}", None, "abc/every 1.00/", "6.jpg"),
    ],
)
def test_frames_and_their_manifest_lie_where_the_layout_says(
    layout: str, platform: str | None, folder: str, frame: str
) -> None:
    frame_keys = _naming(layout, platform)
    assert (frame_keys.prefix, frame_keys.manifest_key) == (folder, folder + "manifest.json")
    assert frame_keys.frame_key(6, 7, 7.0333) == folder + frame


@pytest.mark.parametrize(
    ("seconds", "printed"),
    [(1.0, "1"), (0.5, "0.5"), (1 / 30, "0.033333"), (1e-6, "0.000001"), (86_400.0, "86400")],
)
def test_seconds_are_printed_as_people_write_them(seconds: float, printed: str) -> None:
    assert _naming("seconds", interval=seconds).prefix == f"tiktok/abc/frames/{printed}sec/"
    assert _naming("{code}/{index}_{seconds}").frame_key(0, 0, seconds) == f"abc/0_{printed}"


def test_the_interval_is_that_of_the_video_not_rounded_away() -> None:
    assert _naming("seconds", interval=2.5).prefix == "tiktok/abc/frames/2.5sec/"


@given(VIDEOS, FRAMES)
def test_readers_of_timestamped_frames_understand_them(
    video: Mapping[str, object], frame: tuple[int, int, float]
) -> None:
    frame_keys = parse_layout("timestamped").frame_keys(**{**video, "extension": "png"})  # type: ignore[arg-type]
    name = frame_keys.frame_key(*frame).removeprefix(frame_keys.prefix)
    assert re.match(r"^\d+_\d+\.\d+\.(png|jpg)$", name)
    number, rest = name.split("_")
    assert int(number) == frame[0] + 1
    assert float(rest.removesuffix(".png")) == pytest.approx(frame[2], abs=0.00501)


def test_only_a_layout_that_names_the_id_needs_it() -> None:
    assert [name for name in LAYOUTS if parse_layout(name).needs_video_id] == ["videosense"]
    with pytest.raises(ValueError, match="id"):
        Layout(LAYOUTS["videosense"]).frame_keys(
            code="abc", platform=None, video_id=None, interval_seconds=1, extension="jpg"
        )


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("", "no layout of this name"),
        ("secnods", "no layout of this name"),
        ("{code}", "{code} or {video_id}"),
        ("{platform}/{index}.{ext}", "{code} or {video_id}"),
        ("{index}/{code}/x{slot}.{ext}", "{code} or {video_id}"),
        ("frames/{code}_{index}.{ext}", "{code} or {video_id}"),
        ("{platform}-{code}/{index}.{ext}", "one field"),
        ("{code}{interval}/{index}.{ext}", "one field"),
        ("{code}/{index}_{platform}.{ext}", "{platform} must"),
        ("{code}/{seconds:.3f}.{ext}", "may round to the same"),
        ("{code}/{index}/frame.{ext}", "in the file name"),
        ("{code}/{index}/manifest.json", "in the file name"),
        ("{code}/{index}{slot}.{ext}", "more than digits must separate"),
        ("{code}/{seconds}0{index}.{ext}", "more than digits must separate"),
        ("{code}/{seconds}{ext}{index}", "more than digits must separate"),
        ("{codes}/{index}.{ext}", "there is no field {codes}"),
        ("{code}/{}.{ext}", "there is no field {}"),
        ("{code}/{0}.{ext}", "there is no field {0}"),
        ("{code.__class__}/{index}", "there is no field {code.__class__}"),
        ("{code:.3}/{index}.{ext}", "the format of {code} must be none"),
        ("{code!r}/{index}.{ext}", "the format of {code} must be none"),
        ("{code}/{index:6d}.{ext}", "the format of {index} must be like {index:06d}"),
        ("{code}/{index:x}.{ext}", "the format of {index} must"),
        ("{code}/{index:c}.{ext}", "the format of {index} must"),
        ("{code}/{index:0999d}.{ext}", "the format of {index} must"),
        ("{code}/{index}_{seconds:e}.{ext}", "the format of {seconds} must"),
        ("{code}/{index}_{seconds:{slot}}.{ext}", "the format of {seconds} must"),
        ("{code}/{index", "'}'"),
        ("{code}/index}", "'}'"),
        ("{code}/{{{index}}}.{ext}", "braces"),
        ("/{code}/{index}.{ext}", "slash"),
        ("{code}//{index}.{ext}", "slash"),
        ("{code}/{index}/", "slash"),
        ("./{code}/{index}.{ext}", "slash"),
        ("../{code}/{index}.{ext}", "'..'"),
        ("{code}/..{index}.{ext}", "'..'"),
        ("{code}/\n{index}.{ext}", "printable"),
        ("{code}/\x00{index}.{ext}", "printable"),
        ("{code}/\udc80{index}.{ext}", "printable"),
        ("{code}/" * 6 + "{index}.{ext}", "1024 bytes"),
        ("é" * 500 + "/{code}/{index}.{ext}", "1024 bytes"),
    ],
)
def test_a_layout_that_could_go_wrong_is_refused_with_its_reason(template: str, problem: str) -> None:
    with pytest.raises(ValueError) as refusal:
        parse_layout(template)
    assert problem in str(refusal.value)
    assert "default, seconds, flat, timestamped, videosense" in str(refusal.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ValueError, match=r"no field \{a\}.*format of \{index\}"):
        parse_layout("{code}/{a}_{index:x}")


@given(st.text(st.sampled_from("{}/.!:_09dfxcodeindex ")) | st.text())
def test_no_text_whatever_raises_anything_else(text: str) -> None:
    try:
        assert parse_layout(text).template
    except ValueError as error:
        assert str(error)


@given(TEMPLATES, VIDEOS, FRAMES)
def test_keys_are_valid(template: str, video: Mapping[str, object], frame: tuple[int, int, float]) -> None:
    frame_keys = parse_layout(template).frame_keys(**video)  # type: ignore[arg-type]
    key = frame_keys.frame_key(*frame)
    for each in (key, frame_keys.manifest_key):
        assert each.isprintable()
        assert len(each.encode()) <= 1024
        assert not {"", ".", ".."} & set(each.split("/"))
        assert each.startswith(frame_keys.prefix)
    assert key.rpartition("/")[2] != "manifest.json"


@given(TEMPLATES, VIDEOS, FRAMES, FRAMES)
def test_no_two_frames_share_a_key(
    template: str, video: Mapping[str, object], one: tuple[int, int, float], other: tuple[int, int, float]
) -> None:
    assume(one[0] != other[0] and one[1] != other[1])
    frame_keys = parse_layout(template).frame_keys(**video)  # type: ignore[arg-type]
    assert frame_keys.frame_key(*one) != frame_keys.frame_key(*other)


@given(TEMPLATES, VIDEOS, VIDEOS)
def test_no_two_videos_share_a_folder(
    template: str, one: Mapping[str, object], other: Mapping[str, object]
) -> None:
    assume(one["code"] != other["code"] and one["video_id"] != other["video_id"])
    layout = parse_layout(template)
    assert layout.frame_keys(**one).prefix != layout.frame_keys(**other).prefix  # type: ignore[arg-type]
