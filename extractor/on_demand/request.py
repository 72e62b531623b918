"""Read requests for a frame: events of a function URL, payload format 2.0. Pure: no I/O.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from msgspec import Struct

from extractor import __version__
from extractor.domain.jobs import ExtractionJob, SourceVideo
from extractor.domain.keys import CODE_PATTERN, PLATFORM_PATTERN, content_id
from extractor.domain.policy import SamplingPolicy, fingerprint
from extractor.domain.single_frame import frame_policy
from extractor.errors import InvalidMessageError

METHODS: Final = ("GET", "HEAD")

_PATH: Final = re.compile(rf"/(?:(?P<platform>{PLATFORM_PATTERN})/)?(?P<code>{CODE_PATTERN})")
_ENTITY_TAG: Final = re.compile(r'(?:W/)?"([^"]*)"')
_SIGNATURE: Final = "x-amz-"
"""Parameters of a presigned URL, which AWS checks before the function is called."""

_MAX_PARAMETERS: Final = 32


class FrameRequest(Struct, frozen=True):
    """A request for a frame.

    Attributes:
        job: The video, and the policy that takes the frame.
        known: The versions that the client has, or ``*`` for any.
    """

    job: ExtractionJob
    known: frozenset[str]

    def knows(self, etag: str) -> bool:
        """Return whether the client has this version of the image."""
        return not self.known.isdisjoint({etag, "*"})


def method_of(event: Mapping[str, Any]) -> str:
    """Return the method of the request."""
    return str(event["requestContext"]["http"]["method"])


def parse_request(event: Mapping[str, Any], defaults: SamplingPolicy) -> FrameRequest:
    """Return the request of an event.

    Args:
        event: The event.
        defaults: See `frame_policy`.

    Raises:
        InvalidMessageError: The path or an option is wrong; the text says which.
    """
    path = _PATH.fullmatch(event["rawPath"])
    if path is None:
        raise InvalidMessageError("the path must be /CODE or /PLATFORM/CODE")
    try:
        policy = frame_policy(_parameters(event.get("rawQueryString", "")), defaults)
    except ValueError as error:
        raise InvalidMessageError(str(error)) from error
    job = ExtractionJob(path["code"], policy, platform=path["platform"])
    return FrameRequest(job, _known(event.get("headers", {})))


def image_etag(source: SourceVideo, policy: SamplingPolicy) -> str:
    """Return the version of an image: it follows from the video, the options and this project's version."""
    parts = "|".join((content_id(source), fingerprint(policy), __version__))
    return hashlib.sha256(parts.encode()).hexdigest()


def _parameters(query: str) -> dict[str, str]:
    """Return the parameters by name.

    Raises:
        ValueError: They are not UTF-8, too many, or one is repeated.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise ValueError("the query is no UTF-8") from None
    pairs = [(name, value) for name, value in pairs if not name.lower().startswith(_SIGNATURE)]
    given = dict(pairs)
    if len(given) < len(pairs):
        raise ValueError("an option is given twice")
    return given


def _known(headers: Mapping[str, str]) -> frozenset[str]:
    """Return the versions of ``If-None-Match``, which are compared weakly."""
    condition = next((value for name, value in headers.items() if name.lower() == "if-none-match"), "")
    return frozenset({"*"} if condition.strip() == "*" else _ENTITY_TAG.findall(condition))
