"""Send notifications to an HTTPS address, signed as https://www.standardwebhooks.com describes."""

import base64
import binascii
import hashlib
import hmac
import ssl
import time
from collections.abc import Callable, Mapping

import httpx

from extractor.domain.events import VideoEvent
from extractor.errors import NotificationFailedError, SettingsError

_TIMEOUT = httpx.Timeout(5, connect=3)
_ATTEMPTS = 2
_PREFIX = "whsec_"
_LEAST_BYTES = 24  # of a secret, as the specification asks


class WebhookNotifier:
    """Posts events to one address. Redirects are not followed. Thread-safe.

    Args:
        url: The address.
        secret: The text ``whsec_`` and at least 24 bytes in base64.
        now: Seconds since 1970.

    Raises:
        SettingsError: The secret is malformed; the text does not show it.
    """

    def __init__(self, url: str, secret: str, now: Callable[[], float] = time.time) -> None:
        self._url = url
        self._key = _parse_secret(secret)
        self._now = now
        # A connection that is kept while Lambda freezes the process is dead afterwards.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(timeout=_TIMEOUT, limits=limits, follow_redirects=False)

    def send(self, event: VideoEvent) -> None:
        body = event.to_json().encode()
        for attempt in range(1, _ATTEMPTS + 1):
            headers = {
                "content-type": "application/cloudevents+json; charset=utf-8",
                **signed_headers(self._key, event.id, int(self._now()), body),
            }
            try:
                with self._client.stream("POST", self._url, content=body, headers=headers) as response:
                    status = response.status_code  # the body, however long, is not read
                if 200 <= status < 300:
                    return
                cause, is_temporary = f"status {status}", status == 429 or status >= 500
            except httpx.HTTPError as error:
                cause, is_temporary = _cause(error)
            if not is_temporary or attempt == _ATTEMPTS:
                raise NotificationFailedError(f"NOTIFY_TARGET: the notification was not accepted ({cause})")


def _cause(error: httpx.HTTPError) -> tuple[str, bool]:
    """Return what went wrong, and whether another attempt may help."""
    known: BaseException | None = error
    while known is not None:
        if isinstance(known, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {known.verify_message}", False
        known = known.__cause__ or known.__context__
    return type(error).__name__, True


def signed_headers(key: bytes, message_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """Return the headers that sign a message.

    Args:
        key: The secret key.
        message_id: Id of the message, the same for each attempt.
        timestamp: Seconds since 1970, of this attempt.
        body: The content.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{digest}",
    }


def _parse_secret(text: str) -> bytes:
    try:
        key = base64.b64decode(text.strip().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.strip().startswith(_PREFIX) or len(key) < _LEAST_BYTES:
        raise SettingsError(
            f"NOTIFY_SECRET, NOTIFY_SECRET_ARN: must be {_PREFIX} and {_LEAST_BYTES} bytes or more in base64"
        )
    return key
