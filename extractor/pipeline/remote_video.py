"""Videos in S3 and at http addresses, for local use: their names, and how their bytes come into a file."""

import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from msgspec import Struct

from extractor.backends.storage.base import RangedObject
from extractor.domain.extras import require
from extractor.domain.fetch_mode import FetchMode
from extractor.domain.frames import ProgressCallback
from extractor.domain.jobs import SourceVideo
from extractor.domain.keys import derived_code
from extractor.domain.policy import SamplingPolicy
from extractor.errors import TooLargeError
from extractor.pipeline.disk_space import DiskSpace, Reservation
from extractor.pipeline.extract import ExtractionTask, ExtractorConfig
from extractor.pipeline.local_input import stem
from extractor.pipeline.needed_bytes import FetchRules, fetch_needed
from extractor.pipeline.partial_copy import HEAD_BYTES, THREADS, PartialCopy

_S3: Final = "s3://"
_HTTP: Final = ("http://", "https://")
_URL_CHARACTERS: Final = "%/:?#[]@!$&'()*+,;=~"
"""Those that are not quoted, besides letters, digits and ``_.-``."""


class S3Video(Struct, frozen=True):
    """A video in S3.

    Attributes:
        bucket: The bucket.
        key: The key.
        fetch: Which of its bytes are fetched.
    """

    bucket: str
    key: str
    fetch: FetchMode = "auto"

    def __str__(self) -> str:
        return f"{_S3}{self.bucket}/{self.key}"

    @property
    def path(self) -> Path:
        """The location as a path, which gives the folder of the frames its name."""
        return Path(str(self))


class HttpVideo(Struct, frozen=True):
    """A video at an http or https address.

    Attributes:
        url: The address. Its query may hold credentials.
        fetch: Which of its bytes are fetched.
    """

    url: str
    fetch: FetchMode = "auto"

    def __str__(self) -> str:
        """Return the address without its query."""
        return self.url.partition("#")[0].partition("?")[0]

    def __repr__(self) -> str:
        return f"HttpVideo({str(self)!r})"

    @property
    def path(self) -> Path:
        """The address without its query as a path, which gives the folder of the frames its name."""
        folder, _, name = str(self).rstrip("/").rpartition("/")
        readable = unquote(name)
        return Path(folder, readable if readable.isprintable() and "/" not in readable else name)


RemoteVideo = S3Video | HttpVideo


def is_remote(text: str) -> bool:
    """Whether `text` is meant as a location in S3 or as an http address."""
    return text.startswith((_S3, *_HTTP))


def parse_remote(text: str) -> RemoteVideo:
    """Parse ``s3://BUCKET/KEY`` or ``https://HOST/PATH``.

    Raises:
        ValueError: It has no bucket, key or host, or credentials before the host.
    """
    if not text.startswith(_S3):
        return _parse_http(text)
    bucket, _, key = text.removeprefix(_S3).partition("/")
    if not bucket or not key.strip("/"):
        raise ValueError(f"{text!r} names no bucket and key such as s3://BUCKET/KEY")
    return S3Video(bucket, key)


def _parse_http(text: str) -> HttpVideo:
    url = quote(text, safe=_URL_CHARACTERS).partition("#")[0]
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_host = False
    if not has_host:
        raise ValueError("an http address names no host such as https://HOST/PATH")
    if "@" in parts.netloc:
        raise ValueError("an http address has credentials before its host, which is not supported")
    return HttpVideo(url)


class _Found(Struct, frozen=True):
    """What was fetched of a video. There is no copy if the server supports no ranges."""

    etag: str | None
    size_bytes: int
    copy: PartialCopy | None
    is_partial: bool = False


def fetched_task(
    video: RemoteVideo,
    target: Path,
    policy: SamplingPolicy,
    config: ExtractorConfig,
    deadline: float,
    progress: ProgressCallback | None = None,
) -> tuple[ExtractionTask, PartialCopy | None]:
    """Fetch a video, or what is needed of it.

    Args:
        video: The video.
        target: The file to create.
        policy: The sampling policy.
        config: How to decode.
        deadline: When the work must end, as of `time.monotonic()`.
        progress: Called while bytes are fetched, with how many are there and how many will be.

    Returns:
        The task for the file; and the copy, unless the server supports no ranges.

    Raises:
        ModuleNotFoundError: The extra ``aws`` is not installed, which a video in S3 needs.
        SettingsError: The AWS settings are wrong.
        ExtractorError: The video cannot be read, or does not fit on the disk.
    """
    rules = FetchRules(video.fetch, config)
    fetch = partial(_fetch, target=target, policy=policy, rules=rules, deadline=deadline, progress=progress)
    if isinstance(video, S3Video):
        bucket, key, found = video.bucket, video.key, _fetch_from_s3(video, fetch)
    else:
        bucket, key, found = None, str(video), _fetch_from_http(video, target, fetch)
    task = ExtractionTask(
        path=target,
        code=stem(video.path.name),
        platform=None,
        source=SourceVideo(bucket, key, found.etag, found.size_bytes),
        policy=policy,
        deadline=deadline,
        sample_name=derived_code(f"{found.size_bytes}{video}"),
        copy=found.copy if found.is_partial else None,
    )
    return task, found.copy


def _fetch(
    found: RangedObject,
    head: bytes,
    etag: str | None,
    *,
    target: Path,
    policy: SamplingPolicy,
    rules: FetchRules,
    deadline: float,
    progress: ProgressCallback | None,
) -> _Found:
    taking = partial(DiskSpace(target.parent).writing, Reservation(deadline, None))
    copy = PartialCopy(found, target, head, taking, progress)
    is_partial = rules.apply_to(found.size_bytes, policy) and fetch_needed(copy, policy, rules, deadline)
    if not is_partial:
        copy.complete()
    return _Found(etag, found.size_bytes, copy, is_partial)


def _fetch_from_s3(video: S3Video, fetch: "partial[_Found]") -> _Found:
    require("aws", "a video in S3")
    from extractor.backends.aws import mapping_settings_errors
    from extractor.backends.aws_tools import build_boto3_client
    from extractor.backends.storage.s3.client import build_s3_client
    from extractor.backends.storage.s3.ranged_object import open_ranged

    with mapping_settings_errors():
        client = build_s3_client(THREADS, build_boto3_client)
    found, head = open_ranged(client, video.bucket, video.key, HEAD_BYTES)
    return fetch(found, head, found.etag)


def _fetch_from_http(video: HttpVideo, target: Path, fetch: "partial[_Found]") -> _Found:
    from extractor.backends.storage.http import open_file

    with open_file(video.url, str(video), HEAD_BYTES) as file:
        if file.ranges is None:
            return _Found(None, _write(file.chunks(), target), None)
        head = b"".join(file.chunks())
    return fetch(file.ranges, head, file.ranges.etag)


def _write(chunks: Iterable[bytes], target: Path) -> int:
    """Write a file, and return its size.

    Raises:
        TooLargeError: It is larger than the free space on the disk.
    """
    free, size = shutil.disk_usage(target.parent).free, 0
    with target.open("xb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > free:
                raise TooLargeError(f"the video does not fit on the disk, which has {free} bytes free")
            file.write(chunk)
    return size
