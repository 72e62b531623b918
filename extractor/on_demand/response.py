"""Build the responses of a function URL. Pure: no I/O."""

import base64
import json
from typing import Any, Final

from extractor.domain.policy import CONTENT_TYPES, ImageFormat
from extractor.errors import ExtractorError, PermanentError, TooLargeError, detail_of

CACHE_SECONDS: Final = 3600
RETRY_SECONDS: Final = 5

_MAX_RESPONSE_BYTES: Final = 6 << 20
"""The largest response of a function that Lambda passes on."""

_HEADER_BYTES: Final = 4 << 10
MAX_IMAGE_BYTES: Final = (_MAX_RESPONSE_BYTES - _HEADER_BYTES) // 4 * 3
"""The largest image: base64 makes four bytes of three."""

_AS_DECLARED: Final = {"X-Content-Type-Options": "nosniff"}
"""Forbids browsers to guess another type of content."""

_STATUSES: Final = {"INVALID_MESSAGE": 400, "VIDEO_MISSING": 404}

Response = dict[str, Any]
"""A response in Lambda's payload format 2.0."""


def image_response(data: bytes, image_format: ImageFormat, pts_seconds: float, etag: str) -> Response:
    """Return the response with an image.

    Args:
        data: The image.
        image_format: Its format.
        pts_seconds: Its time, from the first frame of the video.
        etag: Its version.
    """
    if len(data) > MAX_IMAGE_BYTES:
        text = (
            f"the image has {len(data)} bytes, and Lambda passes on {MAX_IMAGE_BYTES} at most; ask for a"
            " smaller width or height, a lower quality, or another format"
        )
        return error_response(413, TooLargeError.reason, text)
    headers = {
        "Content-Type": CONTENT_TYPES[image_format],
        "X-Frame-Time": f"{pts_seconds}",
        **_caching(etag),
        **_AS_DECLARED,
    }
    body = base64.b64encode(data).decode("ascii")
    return {"statusCode": 200, "headers": headers, "body": body, "isBase64Encoded": True}


def not_modified(etag: str) -> Response:
    """Return the response to a client that has this version of the image."""
    return {"statusCode": 304, "headers": _caching(etag), "body": ""}


def failure_response(error: ExtractorError) -> Response:
    """Return the response for an error of the request, the video or a service."""
    if isinstance(error, PermanentError):
        return error_response(_STATUSES.get(error.reason, 422), error.reason, detail_of(error))
    response = error_response(503, error.reason, detail_of(error))
    response["headers"]["Retry-After"] = str(RETRY_SECONDS)
    return response


def method_not_allowed(allowed: tuple[str, ...]) -> Response:
    """Return the response to a method that is not allowed."""
    listed = ", ".join(allowed)
    response = error_response(405, "INVALID_MESSAGE", f"the method must be one of {listed}")
    response["headers"]["Allow"] = listed
    return response


def error_response(status: int, reason: str, detail: str) -> Response:
    """Return a response with a reason code and a text, as JSON.

    Args:
        status: The HTTP status.
        reason: The reason code.
        detail: The text.
    """
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", **_AS_DECLARED}
    body = json.dumps({"reason": reason, "detail": detail})
    return {"statusCode": status, "headers": headers, "body": body}


def without_body(response: Response) -> Response:
    """Return the response to HEAD: that to GET, without its body."""
    return {**response, "body": "", "isBase64Encoded": False}


def _caching(etag: str) -> dict[str, str]:
    return {"ETag": f'"{etag}"', "Cache-Control": f"max-age={CACHE_SECONDS}"}
