"""What misbehaves where it is told to: a proxy between the handler and S3, and the state."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from extractor import container
from extractor.errors import StateUnavailableError
from tests.support.servers.http import Answer, Request, forward, serving

Fault = Callable[[Request], Answer | None]
"""What is answered instead of S3, or `None` to let the request through."""

Settings = Callable[..., None]


@contextmanager
def faulty_s3(server: str, settings: Settings, fault: Fault) -> Iterator[None]:
    """The handler speaks to S3 through the proxy, within the context."""
    with httpx.Client(base_url=server) as upstream:

        def answer(request: Request) -> Answer:
            return fault(request) or forward(request, upstream)

        with serving(answer) as url:
            container._s3_client.cache_clear()
            settings(AWS_ENDPOINT_URL_S3=url)
            try:
                yield
            finally:
                container._s3_client.cache_clear()
                settings(AWS_ENDPOINT_URL_S3=server)


def refusal(status: int, code: str) -> Answer:
    """As S3 words it."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>any text</Message></Error>"
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})


def state_is_down(*_: object, **__: object) -> None:
    raise StateUnavailableError("down")
