"""Every way in which S3 announces objects is understood: plain, through SNS, through EventBridge."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.domain.jobs import ExtractionJob
from extractor.domain.keys import parse_video_key
from extractor.domain.messages import parse_message
from extractor.domain.policy import SamplingPolicy
from extractor.errors import InvalidMessageError

EVENTS = Path(__file__).parents[1] / "support" / "events"
KEYS = ("{platform}/{code}/video.mp4", "{code}.mp4")
POLICY = SamplingPolicy(quality=80)

Wrapping = Callable[[dict[str, Any]], dict[str, Any]]


def _event(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def _in_envelope(message: dict[str, Any]) -> dict[str, Any]:
    return _event("sns_envelope") | {"Message": json.dumps(message)}


def _in_record(*messages: dict[str, Any]) -> dict[str, Any]:
    """As SNS invokes a function."""
    (template,) = _event("sns_records")["Records"]
    records = [template | {"Sns": template["Sns"] | {"Message": json.dumps(message)}} for message in messages]
    return {"Records": records}


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    return message


def _parse(body: object) -> tuple[ExtractionJob, ...]:
    return parse_message(body, POLICY, KEYS, receive_count=2)


def _put(key: object, **fields: object) -> dict[str, Any]:
    """A notification of one object, its key as given."""
    event = _event("s3_put")
    event["Records"][0]["s3"]["object"] |= {"key": key, **fields}
    return event


wrapped = pytest.mark.parametrize(
    "wrapping", [_plain, _in_envelope, _in_record, lambda message: _in_envelope(_in_envelope(message))]
)
as_text_or_object = pytest.mark.parametrize("encoded", [json.dumps, _plain])


@pytest.mark.failure_row(3)
@wrapped
@as_text_or_object
def test_a_notification_names_the_object(
    wrapping: Wrapping, encoded: Callable[[dict[str, Any]], object]
) -> None:
    key = "uploads/My holiday, café+1.mp4"
    assert _parse(encoded(wrapping(_event("s3_put")))) == (
        ExtractionJob(
            code=parse_video_key(KEYS, key)[1],
            policy=POLICY,
            bucket="example-bucket",
            key=key,
            receive_count=2,
        ),
    )


@pytest.mark.failure_row(4)
@wrapped
def test_all_records_of_new_objects_are_jobs_and_no_others(wrapping: Wrapping) -> None:
    jobs = _parse(wrapping(_event("s3_several")))
    assert [(job.platform, job.code) for job in jobs] == [
        ("instagram", "DI5RZbSTV-t"),
        ("tiktok", "7301234567890123456"),
    ]


@pytest.mark.failure_row(4)
def test_all_records_of_sns_are_opened() -> None:
    jobs = _parse(
        _in_record(_put("a.mp4"), {"code": "b"}, _event("s3_test_event"), {"items": [{"code": "c"}]})
    )
    assert [job.code for job in jobs] == ["a", "b", "c"]


@pytest.mark.failure_row(3)
@wrapped
@as_text_or_object
def test_the_keys_of_eventbridge_are_not_encoded(
    wrapping: Wrapping, encoded: Callable[[dict[str, Any]], object]
) -> None:
    (job,) = _parse(encoded(wrapping(_event("eventbridge_object_created"))))
    assert (job.bucket, job.key) == (
        "amzn-s3-demo-bucket1",
        "uploads/My holiday, 100%+1.mp4",
    )


@pytest.mark.failure_row(2)
@wrapped
@as_text_or_object
@pytest.mark.parametrize("name", ["s3_test_event", "eventbridge_object_deleted"])
def test_what_announces_nothing_new_asks_for_nothing(
    wrapping: Wrapping, encoded: Callable[[dict[str, Any]], object], name: str
) -> None:
    assert _parse(encoded(wrapping(_event(name)))) == ()


def test_an_event_cut_down_by_hand_is_enough() -> None:
    (job,) = _parse({"Records": [{"s3": {"bucket": {"name": "videos"}, "object": {"key": "abc.mp4"}}}]})
    assert (job.code, job.bucket, job.key) == ("abc", "videos", "abc.mp4")


def test_another_service_may_put_s3_before_the_events_name() -> None:
    event = _event("s3_several")
    for record in event["Records"]:
        record["eventName"] = f"s3:{record['eventName']}"
    assert len(_parse(event)) == 2


def test_an_object_that_only_looks_like_a_folder_is_a_video() -> None:
    assert [job.key for job in _parse(_put("clips/", size=5))] == ["clips/"]
    assert _parse(_put("clips/", size=0)) == ()


def test_an_object_announced_twice_is_done_once() -> None:
    event = _event("s3_put")
    event["Records"] *= 2
    assert len(_parse(event)) == 1


@pytest.mark.failure_row(1)
@wrapped
@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("s3",), None, r"Records\.2\.s3: "),
        (("s3", "object", "key"), None, r"Records\.2\.s3\.object\.key: "),
        (("s3", "object", "key"), "", r"Records\.2\.s3\.object\.key: "),
        (("s3", "object", "key"), 5, r"Records\.2\.s3\.object\.key: "),
        (("s3", "object", "key"), "%ff.mp4", r"Records\.2\.s3\.object\.key: "),
        (("s3", "object", "key"), "x" * 1025, r"Records\.2\.s3\.object\.key: "),
        (("s3", "bucket", "name"), "../other", r"Records\.2\.s3\.bucket\.name: "),
        (("s3", "bucket", "name"), None, r"Records\.2\.s3\.bucket\.name: "),
        (("eventName",), 5, r"Records\.2\.eventName: "),
    ],
)
def test_one_broken_record_refuses_the_message_and_is_named(
    wrapping: Wrapping, path: tuple[str, ...], value: object, named: str
) -> None:
    event = _event("s3_several")
    *parents, last = path
    part = event["Records"][2]
    for name in parents:
        part = part[name]
    if value is None:
        del part[last]
    else:
        part[last] = value
    with pytest.raises(InvalidMessageError, match=named):
        _parse(wrapping(event))


@pytest.mark.failure_row(1)
@pytest.mark.parametrize(
    ("message", "named"),
    [
        ({"Records": []}, "Records: "),
        ({"Records": 5}, "Records: "),
        ({"Records": [{"dynamodb": {}}]}, r"Records\.0\.s3: "),
        ({"Records": [{"Sns": {}}]}, r"Records\.0\.Sns\.Message: "),
        ({"Records": [{"Sns": {"Message": "{}"}}, {"s3": {}}]}, r"Records\.1\.Sns: "),
        ({"Type": "Notification"}, "Message: "),
        ({"Type": "Notification", "Message": {"code": "abc"}}, "Message: "),
        ({"Type": "Notification", "Message": "hello"}, "Message: Invalid JSON"),
        ({"Type": "Notification", "Message": '{"code": "a", "qualty": 5}'}, "Message: qualty: "),
        ({"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}, "source: "),
        (
            {"detail-type": "AWS API Call via CloudTrail", "source": "aws.s3", "detail": {}},
            r"detail\.bucket: ",
        ),
    ],
)
def test_what_is_not_of_its_kind_is_refused_by_name(message: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidMessageError, match=named):
        _parse(message)


def test_a_subscription_to_confirm_is_kept_for_a_person() -> None:
    with pytest.raises(InvalidMessageError, match="SubscribeURL"):
        _parse(_event("sns_subscription_confirmation"))


@pytest.mark.failure_row(1)
def test_envelopes_are_not_opened_for_ever() -> None:
    message = {"code": "abc"}
    for _ in range(3):
        message = _in_envelope(message)
    assert [job.code for job in _parse(message)] == ["abc"]
    with pytest.raises(InvalidMessageError, match="more than 3 envelopes"):
        _parse(_in_envelope(message))


@pytest.mark.failure_row(1)
def test_one_message_cannot_ask_for_any_number_of_videos() -> None:
    (record,) = _event("s3_put")["Records"]

    def numbered(count: int) -> dict[str, Any]:
        records = [copy.deepcopy(record) for _ in range(count)]
        for number, item in enumerate(records):
            item["s3"]["object"]["key"] = f"{number}.mp4"
        return {"Records": records}

    assert len(_parse(numbered(1000))) == 1000
    with pytest.raises(InvalidMessageError, match="1001 videos"):
        _parse(numbered(1001))


@pytest.mark.failure_row(3)
@pytest.mark.parametrize(
    "encode",
    [
        lambda key: quote_plus(key, safe="/!-_.*'()"),  # S3
        lambda key: quote_plus(key, safe=""),  # every slash as %2F
        lambda key: quote(key),  # every space as %20
    ],
)
@given(key=st.text(st.characters(codec="utf-8"), min_size=1, max_size=200).filter(lambda key: key[-1] != "/"))
def test_any_key_survives_its_encoding(encode: Callable[[str], str], key: str) -> None:
    (job,) = _parse(_put(encode(key)))
    assert job.key == key


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
PLACES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "bucket": JSON | st.fixed_dictionaries({"name": JSON | st.just("bucket")}),
        "object": JSON
        | st.fixed_dictionaries(
            {"key": JSON | st.text()}, optional={"size": JSON, "eTag": JSON, "etag": JSON | st.text()}
        ),
    },
)
SHAPED: st.SearchStrategy[dict[str, Any]] = st.deferred(
    lambda: st.fixed_dictionaries(
        {},
        optional={
            "Type": JSON | st.just("Notification"),
            "Message": JSON | SHAPED.map(json.dumps),
            "Event": JSON,
            "detail-type": JSON | st.just("Object Created"),
            "source": JSON | st.just("aws.s3"),
            "detail": JSON | PLACES,
            "Records": JSON
            | st.lists(
                st.fixed_dictionaries(
                    {}, optional={"eventName": JSON, "s3": JSON | PLACES, "Sns": JSON | SHAPED}
                ),
                max_size=3,
            ),
        },
    )
)


@given(SHAPED)
def test_no_event_whatever_raises_anything_else(event: dict[str, Any]) -> None:
    try:
        jobs = _parse(event)
    except InvalidMessageError as error:
        assert str(error)
    else:
        assert all(job.bucket and job.key for job in jobs)
