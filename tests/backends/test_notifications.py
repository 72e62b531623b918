"""Targets of notifications, signatures, and what an event is known by."""

import base64
from types import SimpleNamespace
from typing import Any

import pytest

from extractor import container
from extractor.backends.aws import build_client
from extractor.backends.notifications import target_kind
from extractor.backends.notifications.aws import AwsNotifier
from extractor.backends.notifications.webhook import WebhookNotifier, signed_headers
from extractor.domain.events import VideoEvent
from extractor.errors import NotificationFailedError, SettingsError
from extractor.settings import load_settings

_MINIMAL = {"STATE_BACKEND": "sqlite", "SQLITE_PATH": "/tmp/state.sqlite"}
_TOPIC = "arn:aws:sns:eu-west-1:123456789012:done"
_EVENT = VideoEvent("id", "/frame-extractor/frames", "type", "abc", {"code": "abc"})


def test_the_signature_is_the_one_that_the_libraries_of_the_standard_expect() -> None:
    """The example of the reference implementation."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        (_TOPIC, "sns"),
        ("arn:aws-cn:sqs:cn-north-1:123456789012:done", "sqs"),
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/done", "sqs"),
        ("arn:aws:events:eu-west-1:123456789012:event-bus/done", "events"),
        ("https://receiver.example/hook?x=1", "webhook"),
        ("http://127.0.0.1:8000/hook", "webhook"),
        ("http://localhost", "webhook"),
    ],
)
def test_the_kind_of_a_target_follows_from_its_form(target: str, kind: str) -> None:
    assert target_kind(target) == kind


@pytest.mark.parametrize(
    "target",
    [
        "done",
        f"{_TOPIC}.fifo",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/done.fifo",
        "http://receiver.example/hook",
        "http://localhost.example/hook",
        "http://localhost@receiver.example/hook",
        "https://user:password@receiver.example/",
        "https://receiver.example/a b",
        "arn:aws:s3:::bucket",
    ],
)
def test_any_other_target_is_refused_at_the_start(target: str) -> None:
    with pytest.raises(SettingsError, match=r"^NOTIFY_TARGET: "):
        load_settings({**_MINIMAL, "NOTIFY_TARGET": target, "NOTIFY_SECRET": "whsec_"})


def test_a_webhook_needs_a_secret() -> None:
    with pytest.raises(SettingsError, match="NOTIFY_SECRET"):
        load_settings({**_MINIMAL, "NOTIFY_TARGET": "https://receiver.example"})
    load_settings({**_MINIMAL, "NOTIFY_TARGET": _TOPIC})


@pytest.mark.parametrize(
    "secret", ["whsec_top-secret", "whsec_c2hvcnQ=", base64.b64encode(bytes(32)).decode()]
)
def test_a_malformed_secret_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(SettingsError) as caught:
        WebhookNotifier("https://receiver.example", secret)
    assert secret not in str(caught.value)


def test_nothing_is_built_before_the_first_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_build_notifier", lambda *_: pytest.fail("it is built"))
    assert container.build_notifier(load_settings(_MINIMAL)) is None
    assert container.build_notifier(load_settings({**_MINIMAL, "NOTIFY_TARGET": _TOPIC})) is not None


def test_an_event_that_eventbridge_rejects_is_not_taken_for_sent() -> None:
    """It answers 200."""
    answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
    client: Any = SimpleNamespace(put_events=lambda **_: answer)
    bus = "arn:aws:events:eu-west-1:123456789012:event-bus/done"
    with pytest.raises(NotificationFailedError, match="ThrottlingException"):
        AwsNotifier("events", bus, lambda *_: client).send(_EVENT)


def test_the_client_is_in_the_region_of_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    regions = []

    def build(service: str, config: Any) -> Any:
        regions.append(build_client(service, config).meta.region_name)
        return SimpleNamespace()

    AwsNotifier("sns", _TOPIC, build)
    assert regions == ["eu-west-1"]
