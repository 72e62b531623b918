"""Download stored frames and verify them against the manifest."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from extractor.domain.frames import StoredFrame
from extractor.domain.layout import parse_layout
from extractor.domain.manifest import Manifest, StoredFile, parse_manifest
from local.errors import FramesError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class FrameDownload:
    """Downloads objects from a bucket to a directory, each to the path of its key."""

    s3: "S3Client"
    bucket: str
    directory: Path

    def fetch(self, code: str) -> Manifest:
        """Download the manifest and the frames of a video.

        Raises:
            FramesError: An object is missing, or has another size or SHA-256 than the manifest states.
        """
        key = manifest_key(code)
        manifest = parse_manifest(self._download(key))
        if manifest is None:
            raise FramesError(f"{key} is no manifest of this version")
        if not manifest.frames:
            raise FramesError(f"{key} lists no frames")
        for item in manifest.objects:
            _verify(item, self._download(item.key))
        return manifest

    def _download(self, key: str) -> bytes:
        path = self.directory / checked_key(key)
        try:
            data = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except self.s3.exceptions.NoSuchKey as error:
            raise FramesError(f"{key} is not in the frames bucket") from error
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return data


def manifest_key(code: str) -> str:
    """Return the key of a video's manifest under the demo's settings."""
    layout = parse_layout("default")
    frame_keys = layout.frame_keys(
        code=code, platform=None, video_id=None, interval_seconds=1, extension="jpg"
    )
    return frame_keys.manifest_key


def checked_key(key: str) -> str:
    """Return the key if it is a safe relative path: plain names without a leading dot between slashes."""
    if not all(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", part) for part in key.split("/")):
        raise FramesError(f"{key!r} is no key that the extractor makes")
    return key


def _verify(item: StoredFrame | StoredFile, data: bytes) -> None:
    if (len(data), hashlib.sha256(data).hexdigest()) != (item.size_bytes, item.sha256):
        raise FramesError(f"{item.key} differs from what its manifest says")
