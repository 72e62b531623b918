"""Read files at http and https addresses: ranges of one version, or the whole file.

An address may hold credentials, such as the signature of a presigned URL. It is in no message and in no log.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPException, HTTPResponse
from typing import IO, Any, Final, cast
from urllib import request
from urllib.error import HTTPError, URLError

from msgspec import Struct

from extractor.errors import (
    AccessDeniedError,
    ExtractorError,
    SourceChangedError,
    StorageUnavailableError,
    UnreadableError,
    VideoMissingError,
)

_TIMEOUT_SECONDS: Final = 30
_MAX_REDIRECTIONS: Final = 5
_CHUNK_BYTES: Final = 1 << 20
_PARTIAL_CONTENT: Final = 206
_ERRORS: Final[Mapping[int, tuple[type[ExtractorError], str]]] = {
    401: (AccessDeniedError, "the server asks for credentials"),
    403: (AccessDeniedError, "the server denies access; a presigned address may have expired"),
    404: (VideoMissingError, "there is no such file"),
    410: (VideoMissingError, "there is no such file"),
    412: (SourceChangedError, "the file was overwritten meanwhile"),
    416: (UnreadableError, "the file is empty"),
}
_ERRORS_OF_RANGES: Final[Mapping[int, tuple[type[ExtractorError], str]]] = {
    **_ERRORS,
    416: (SourceChangedError, "the file is shorter than it was"),
}


class HttpRangedFile(Struct, frozen=True):
    """One version of a file, as an `extractor.backends.storage.base.RangedObject`. Thread-safe.

    Attributes:
        url: The address.
        name: The address without credentials, for messages.
        size_bytes: The size of the file.
        condition: The header that a request for this version has.
        version: The header that a response of this version has, and its value.
    """

    url: str
    name: str
    size_bytes: int
    condition: tuple[str, str]
    version: tuple[str, str]

    @property
    def etag(self) -> str | None:
        """The ETag of the version, if it has one."""
        header, value = self.version
        return value.strip('"') if header == "ETag" else None

    def chunks(self, run: range) -> Iterator[bytes]:
        received = 0
        with (
            _mapping_errors(self.name, _ERRORS_OF_RANGES),
            _opened(self.url, _range_header(run), self.condition) as response,
        ):
            header, value = self.version
            is_range = _range_of(response) == (run.start, self.size_bytes)
            if not is_range or response.headers.get(header) != value:
                raise SourceChangedError("the server sent another version or another range of the file")
            for chunk in _chunks(response, len(run)):
                received += len(chunk)
                yield chunk
        if received != len(run):
            raise SourceChangedError(f"{received} bytes arrived instead of {len(run)}")


class HttpFile(Struct, frozen=True):
    """A file that is open for reading.

    Attributes:
        response: The response, at the beginning of the file.
        name: The address without credentials, for messages.
        ranges: Reads ranges of this version. The response then has the first bytes only. ``None`` if the
            server supports no ranges or names no version; then the response is the whole file.
    """

    response: HTTPResponse
    name: str
    ranges: HttpRangedFile | None

    @property
    def size_bytes(self) -> int | None:
        """The announced size of the response."""
        return self.response.length

    def chunks(self) -> Iterator[bytes]:
        """Yield the content of the response.

        Raises:
            SourceChangedError: Fewer bytes arrived than were announced.
            ExtractorError: The file cannot be read.
        """
        expected, received = self.size_bytes, 0
        with _mapping_errors(self.name):
            for chunk in _chunks(self.response, expected):
                received += len(chunk)
                yield chunk
        if expected is not None and received != expected:
            raise SourceChangedError(f"{received} bytes arrived instead of {expected}")


@contextmanager
def open_file(url: str, name: str, head_bytes: int) -> Iterator[HttpFile]:
    """Open a file.

    Args:
        url: The address.
        name: The address without credentials, for messages.
        head_bytes: How many bytes to ask for.

    Raises:
        VideoMissingError: There is no such file.
        AccessDeniedError: The server denies access.
        UnreadableError: The file is empty.
        StorageUnavailableError: The server does not answer as it should.
    """
    with _mapping_errors(name):
        response = _open(url, _range_header(range(head_bytes)))
    with closing(response):
        is_short = (response.length or 0) <= head_bytes  # or the server ignores the end of a range
        ranges = _ranges(response, url, name) if is_short else None
        if ranges is not None or response.status != _PARTIAL_CONTENT:
            yield HttpFile(response, name, ranges)
            return
    with _mapping_errors(name):
        response = _open(url)
    with closing(response):
        yield HttpFile(response, name, None)


def _ranges(response: HTTPResponse, url: str, name: str) -> HttpRangedFile | None:
    first, size = _range_of(response) or (None, 0)
    etag, modified = response.headers.get("ETag", ""), response.headers.get("Last-Modified")
    if first != 0:
        return None
    if etag.startswith('"'):  # others are weak: they do not tell versions apart byte by byte
        return HttpRangedFile(url, name, size, ("If-Match", etag), ("ETag", etag))
    if modified:
        return HttpRangedFile(url, name, size, ("If-Unmodified-Since", modified), ("Last-Modified", modified))
    return None


def _range_header(run: range) -> tuple[str, str]:
    return "Range", f"bytes={run.start}-{run.stop - 1}"


def _range_of(response: HTTPResponse) -> tuple[int, int] | None:
    """Return the first position in a partial response, and the size of the file."""
    found = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18})", response.headers.get("Content-Range", ""))
    if response.status != _PARTIAL_CONTENT or not found:
        return None
    return int(found[1]), int(found[2])


def _chunks(response: HTTPResponse, most: int | None) -> Iterator[bytes]:
    """Yield what arrives, up to `most` bytes. No chunk waits for more, so a reader can stop soon."""
    left = sys.maxsize if most is None else most
    while left and (chunk := response.read1(min(_CHUNK_BYTES, left))):
        left -= len(chunk)
        yield chunk


class _Redirections(request.HTTPRedirectHandler):
    """Follows a few redirections, and none from https to http."""

    max_redirections = _MAX_REDIRECTIONS

    def redirect_request(
        self, req: request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> request.Request | None:
        if req.type == "https" and not newurl.lower().startswith("https:"):
            raise HTTPError(req.full_url, code, "a redirection from https to http", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> request.OpenerDirector:
    """Return an opener for http and https alone."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
        request.UnknownHandler(),
        _Redirections(),
    ):
        opener.add_handler(handler)
    return opener


def _open(url: str, *headers: tuple[str, str]) -> HTTPResponse:
    """Request a file, and return the response.

    Raises:
        StorageUnavailableError: It is compressed.
    """
    asked = request.Request(url, headers=dict([("Accept-Encoding", "identity"), *headers]))  # noqa: S310 - checked
    response = cast("HTTPResponse", _opener().open(asked, timeout=_TIMEOUT_SECONDS))
    if response.headers.get("Content-Encoding", "identity") != "identity":
        response.close()
        raise StorageUnavailableError("the server compresses the file, though it was asked not to")
    return response


@contextmanager
def _opened(url: str, *headers: tuple[str, str]) -> Iterator[HTTPResponse]:
    with closing(_open(url, *headers)) as response:
        yield response


@contextmanager
def _mapping_errors(
    name: str, errors: Mapping[int, tuple[type[ExtractorError], str]] = _ERRORS
) -> Iterator[None]:
    """Map errors in the block to domain errors. These are without their causes, which name the address."""
    try:
        yield
    except HTTPError as error:
        error.close()
        kind, hint = errors.get(error.code, (StorageUnavailableError, "the server does not send the file"))
        raise kind(f"cannot read {name} (HTTP {error.code}): {hint}") from None
    except URLError as error:
        raise StorageUnavailableError(f"cannot read {name}: {error.reason}") from None
    except (HTTPException, OSError) as error:
        raise StorageUnavailableError(f"cannot read {name}: {type(error).__name__}") from None
