"""Videos in S3, for local use: their locations, and how their bytes come into a local file."""

from pathlib import Path
from typing import Final

from msgspec import Struct

from extractor.domain.extras import require
from extractor.domain.fetch_mode import FetchMode
from extractor.domain.jobs import SourceVideo
from extractor.domain.keys import derived_code
from extractor.domain.policy import SamplingPolicy
from extractor.pipeline.extract import ExtractionTask, ExtractorConfig
from extractor.pipeline.local_input import stem
from extractor.pipeline.needed_bytes import FetchRules, fetch_needed
from extractor.pipeline.partial_copy import HEAD_BYTES, THREADS, PartialCopy

S3_PREFIX: Final = "s3://"


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
        return f"{S3_PREFIX}{self.bucket}/{self.key}"

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.path.name

    @property
    def code(self) -> str:
        """Code of the video: the last part of the key without its extension."""
        return stem(self.name)

    @property
    def path(self) -> Path:
        """The location as a path, which gives the folder of the frames its name."""
        return Path(str(self))


def is_s3_location(text: str) -> bool:
    """Whether `text` is meant as a location in S3."""
    return text.startswith(S3_PREFIX)


def parse_s3_video(text: str) -> S3Video:
    """Parse ``s3://BUCKET/KEY``.

    Raises:
        ValueError: It has no bucket or no key.
    """
    bucket, _, key = text.removeprefix(S3_PREFIX).partition("/")
    if not bucket or not key.strip("/"):
        raise ValueError(f"{text!r} names no bucket and key such as s3://BUCKET/KEY")
    return S3Video(bucket, key)


def fetched_task(
    video: S3Video,
    target: Path,
    policy: SamplingPolicy,
    config: ExtractorConfig,
    deadline: float,
) -> tuple[ExtractionTask, PartialCopy]:
    """Fetch a video, or what is needed of it.

    Args:
        video: The video.
        target: The file to create.
        policy: The sampling policy.
        config: How to decode.
        deadline: When the work must end, as of `time.monotonic()`.

    Returns:
        The task for the file, and the copy.

    Raises:
        ModuleNotFoundError: The extra ``aws`` is not installed.
        SettingsError: The AWS settings are wrong.
        ExtractorError: The object cannot be read.
    """
    require("aws", "a video in S3")
    from extractor.backends.aws import mapping_settings_errors
    from extractor.backends.aws_tools import build_boto3_client
    from extractor.backends.storage.s3.client import build_s3_client
    from extractor.backends.storage.s3.ranged_object import open_ranged

    with mapping_settings_errors():
        client = build_s3_client(THREADS, build_boto3_client)
    found, head = open_ranged(client, video.bucket, video.key, HEAD_BYTES)
    copy = PartialCopy(found, target, head)
    rules = FetchRules(video.fetch, config)
    is_partial = rules.apply_to(found.size_bytes, policy) and fetch_needed(copy, policy, rules, deadline)
    if not is_partial:
        copy.complete()
    task = ExtractionTask(
        path=target,
        code=video.code,
        platform=None,
        source=SourceVideo(video.bucket, video.key, found.etag, found.size_bytes),
        policy=policy,
        deadline=deadline,
        sample_name=derived_code(f"{found.size_bytes}{video}"),
        copy=copy if is_partial else None,
    )
    return task, copy
