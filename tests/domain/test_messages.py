"""Everything that producers send is understood, and what cannot be is refused by the name of its field."""

import json
from fractions import Fraction

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from msgspec.structs import asdict

from extractor.domain.jobs import ExtractionJob
from extractor.domain.messages import VideoMessage, encode_message, parse_message
from extractor.domain.option_checks import NoEffectError
from extractor.domain.policy import IMAGE_FORMATS, MAX_FRAMES_MODES, SamplingPolicy, exact_seconds
from extractor.errors import InvalidMessageError

KEYS = ("{platform}/{code}/video.mp4", "{code}.mp4")
POLICY = SamplingPolicy(quality=80)


def _parse(body: object) -> tuple[ExtractionJob, ...]:
    return parse_message(body, POLICY, KEYS)


def test_a_code_alone_follows_the_settings() -> None:
    assert _parse('{"code": "DI5RZbSTV-t"}') == (ExtractionJob("DI5RZbSTV-t", POLICY),)


@pytest.mark.parametrize("body", ['\ufeff{"code": "abc"}', b'\xef\xbb\xbf{"code": "abc"}'])
def test_a_byte_order_mark_before_the_message_is_ignored(body: object) -> None:
    assert _parse(body) == (ExtractionJob("abc", POLICY),)


def test_the_first_producers_names_are_understood() -> None:
    body = {"shortcode": "abc", "platform": "instagram", "frame_interval": 2, "ext": "jpg"}
    expected = SamplingPolicy(quality=80, interval_seconds=2.0)
    assert _parse(json.dumps(body)) == (ExtractionJob("abc", expected, platform="instagram"),)


def test_items_are_one_job_each() -> None:
    jobs = _parse({"items": [{"platform": "tiktok", "code": "a"}, {"code": "b", "strategy": "keyframe"}]})
    assert [(job.code, job.platform, job.policy.strategy) for job in jobs] == [
        ("a", "tiktok", "uniform"),
        ("b", None, "keyframe"),
    ]


@pytest.mark.parametrize(
    ("key", "platform", "code"),
    [
        ("tiktok/abc/video.mp4", "tiktok", "abc"),
        ("abc.mp4", None, "abc"),
        ("some/other/place/abc.mov", None, "abc-75b5ed3dd7cd2630"),
    ],
)
def test_a_bucket_and_a_key_tell_the_code(key: str, platform: str | None, code: str) -> None:
    (job,) = _parse({"bucket": "their-bucket", "key": key})
    assert (job.platform, job.code, job.bucket, job.key) == (platform, code, "their-bucket", key)


def test_a_key_is_taken_as_it_is_and_never_unquoted() -> None:
    (job,) = _parse({"bucket": "their-bucket", "key": "a+b%20c/x.mp4"})
    assert job.key == "a+b%20c/x.mp4"


def test_a_code_that_is_sent_counts_more_than_the_key() -> None:
    (job,) = _parse({"code": "abc", "bucket": "their-bucket", "key": "tiktok/other/video.mp4"})
    assert (job.platform, job.code, job.key) == (None, "abc", "tiktok/other/video.mp4")


def test_an_item_that_is_listed_twice_is_done_once() -> None:
    jobs = _parse({"items": [{"code": "a"}, {"code": "b"}, {"shortcode": "a"}, {"code": "a", "quality": 5}]})
    assert [(job.code, job.policy.quality) for job in jobs] == [("a", 80), ("b", 80), ("a", 5)]


@pytest.mark.failure_row(1)
def test_one_broken_item_refuses_the_message_and_is_named() -> None:
    with pytest.raises(InvalidMessageError, match=r"^items\.1\.code: "):
        _parse({"items": [{"code": "a"}, {"code": "../b"}]})
    with pytest.raises(InvalidMessageError, match=r"^items\.1: timestamps: "):
        _parse({"items": [{"code": "a"}, {"code": "b", "strategy": "timestamps"}]})


@pytest.mark.failure_row(1)
def test_one_message_cannot_list_any_number_of_videos() -> None:
    assert len(_parse({"items": [{"code": str(number)} for number in range(1000)]})) == 1000
    with pytest.raises(InvalidMessageError, match=r"^items: "):
        _parse({"items": [{"code": str(number)} for number in range(1001)]})


@pytest.mark.failure_row(1)
@pytest.mark.parametrize("body", ["", "no json", "[]", "3", "null", '"text"', "{}", '{"items": []}'])
def test_what_is_no_message_is_refused(body: str) -> None:
    with pytest.raises(InvalidMessageError):
        _parse(body)


@pytest.mark.failure_row(1)
@pytest.mark.failure_row(7)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", 5),
        ("code", "../../etc/passwd"),
        ("code", "a/b"),
        ("code", ".."),
        ("code", "line\nbreak"),
        ("code", ""),
        ("code", "x" * 201),
        ("platform", "../x"),
        ("strategy", "sometimes"),
        ("interval", 0),
        ("interval", -1),
        ("interval", "often"),
        ("interval", float("nan")),
        ("interval", float("inf")),
        ("quality", 0),
        ("quality", 101),
        ("quality", 9.5),
        ("max_frames", 0),
        ("max_frames", True),
        ("format", "bmp"),
        ("qualty", 50),
    ],
)
def test_a_wrong_or_unknown_option_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(InvalidMessageError, match=f"^{field}: "):
        _parse({"code": "abc", field: value})


def test_all_wrong_fields_are_named_at_once() -> None:
    with pytest.raises(InvalidMessageError, match=r"max_frames: .*; quality: "):
        _parse({"code": "abc", "quality": 0, "max_frames": 0})


def test_frames_per_second_are_an_interval() -> None:
    (job,) = _parse({"code": "abc", "fps": 30})
    assert exact_seconds(job.policy.interval_seconds) == Fraction(1, 30)


def test_frame_numbers_imply_their_strategy_and_stay_whole() -> None:
    (job,) = _parse('{"code": "abc", "frames": [0, 10, -1]}')
    assert (job.policy.strategy, repr(job.policy.frames)) == ("frames", "(0, 10, -1)")


def test_timestamps_imply_their_strategy() -> None:
    (job,) = _parse('{"code": "abc", "timestamps": [0, 1.5, 12]}')
    assert (job.policy.strategy, job.policy.timestamps_seconds) == ("timestamps", (0.0, 1.5, 12.0))


@pytest.mark.failure_row(7)
@pytest.mark.parametrize(
    "options",
    [
        {"fps": 1, "interval": 1},
        {"strategy": "timestamps"},
        {"strategy": "uniform", "timestamps": [1]},
        {"timestamps": []},
        {"frames": [1.5]},
        {"frames": [True]},
        {"timestamps": [1, -1]},
        {"timestamps": ["soon"]},
        {"start": 5, "end": 5},
        {"start": -1, "end": -2},
        {"end": 0},
        {"count": 5, "random": 5},
        {"count": 0},
        {"count": 5, "strategy": "keyframe"},
        {"max_frames_mode": "some"},
        {"tolerance": -0.1},
        {"max_width": 1},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InvalidMessageError):
        _parse({"code": "abc", **options})


@given(
    st.builds(
        VideoMessage,
        code=st.from_regex(r"\A[A-Za-z0-9_-][A-Za-z0-9._-]{0,30}\Z"),
        platform=st.none() | st.sampled_from(["instagram", "tiktok", "youtube"]),
        strategy=st.none() | st.sampled_from(["uniform", "keyframe"]),
        interval=st.none() | st.floats(0.001, 86_400),
        max_frames=st.none() | st.integers(1, 10**6),
        max_frames_mode=st.none() | st.sampled_from(MAX_FRAMES_MODES),
        tolerance=st.none() | st.floats(0, 100),
        quality=st.none() | st.integers(1, 100),
        format=st.none() | st.sampled_from(IMAGE_FORMATS),
        max_width=st.none() | st.integers(2, 10_000),
        max_height=st.none() | st.integers(2, 10_000),
    )
)
def test_what_is_sent_is_what_is_read(video: VideoMessage) -> None:
    try:
        video.applied_to(POLICY)
    except NoEffectError:
        reject()
    (job,) = _parse(encode_message(video))
    assert (job.code, job.platform) == (video.code, video.platform)
    for option in asdict(POLICY):
        asked = getattr(video, option, None)
        assert getattr(job.policy, option) == (getattr(POLICY, option) if asked is None else asked)


@given(st.text() | st.binary() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_no_body_whatever_raises_anything_else(body: object) -> None:
    try:
        _parse(body)
    except InvalidMessageError as error:
        assert str(error)


@pytest.mark.parametrize(
    "option",
    [{"interval": 2}, {"fps": 5}, {"timestamps": [1, 2]}, {"strategy": "keyframe"}, {"strategy": "scene"}],
)
def test_frames_are_not_counted_where_a_message_asks_for_an_interval_or_another_strategy(
    option: dict[str, object],
) -> None:
    policy = SamplingPolicy(interval_seconds=1 / 30, counts_frames=True)
    (plain,) = parse_message({"code": "abc"}, policy, ["{code}.mp4"])
    (asked,) = parse_message({"code": "abc", **option}, policy, ["{code}.mp4"])
    assert (plain.policy.counts_frames, asked.policy.counts_frames) == (True, False)


@pytest.mark.parametrize(
    ("option", "threshold"),
    [
        ({}, 30),
        ({"scene_detector": "content"}, 30),
        ({"scene_detector": "adaptive"}, None),
        ({"scene_detector": "adaptive", "scene_threshold": 2}, 2),
    ],
)
def test_the_threshold_of_the_settings_is_not_that_of_another_detector(
    option: dict[str, object], threshold: float | None
) -> None:
    policy = SamplingPolicy(scene_detector="content", scene_threshold=30)
    (job,) = parse_message({"code": "abc", **option}, policy, ["{code}.mp4"])
    assert job.policy.scene_threshold == threshold
