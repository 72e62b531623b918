"""Targets of notifications, signatures, and what an event is known by."""

import base64
import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from extractor import container
from extractor.backends.aws import build_client
from extractor.backends.notifications import target_kind
from extractor.backends.notifications.aws import AwsNotifier
from extractor.backends.notifications.webhook import WebhookNotifier, signed_headers
from extractor.domain.events import VideoEvent
from extractor.errors import NotificationFailedError, SettingsError
from extractor.settings import load_settings
from tests.support.servers.http import Answer, Request, serving

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


def _tls(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("name", "cause"),
    [("127.0.0.1", ""), ("receiver.example", "IP address mismatch"), ("", "unable to get local issuer")],
)
def test_a_webhook_is_told_over_tls_and_only_if_its_certificate_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, cause: str
) -> None:
    """Without a name, the certificate is of an authority that is not known."""
    key, authority, requests = bytes(range(32)), trustme.CA(), list[Request]()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    tls = _tls(authority, name) if name else _tls(trustme.CA(), "127.0.0.1")

    def answer(request: Request) -> Answer:
        requests.append(request)
        return Answer(204)

    with serving(answer, tls) as url:
        notifier = WebhookNotifier(f"{url}/hook", f"whsec_{base64.b64encode(key).decode()}")
        if not cause:
            notifier.send(_EVENT)
        else:
            with pytest.raises(NotificationFailedError, match=f"certificate is not trusted: .*{cause}"):
                notifier.send(_EVENT)
    assert len(requests) == (not cause)
    for request in requests:
        sent = {header.lower(): value for header, value in request.headers.items()}
        signed = signed_headers(key, _EVENT.id, int(sent["webhook-timestamp"]), _EVENT.to_json().encode())
        assert sent.items() >= signed.items()
        assert request.body == _EVENT.to_json().encode()
