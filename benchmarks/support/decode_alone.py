"""A function that decodes a video with the worker's code and settings, but without any cloud.

It runs in a warm process like the handler; its frames are hashed and discarded.
"""

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any

from extractor.app import App, build_app
from extractor.backends.storage.base import NO_VERSIONS, ObjectStream, StoredObject
from extractor.domain.jobs import SourceVideo
from extractor.domain.layout import FrameKeys
from extractor.domain.timing import Stopwatch
from extractor.errors import VideoMissingError
from extractor.output.frame_store import FrameStore
from extractor.pipeline.extract import ExtractionTask, extract
from extractor.settings import load_settings


class Nowhere:
    """An empty `ObjectStore` that discards all writes."""

    def open(self, key: str) -> AbstractContextManager[ObjectStream]:
        raise VideoMissingError(f"there is nothing, and no {key!r}")

    def read(self, key: str) -> None:  # noqa: ARG002
        return None

    def put(self, key: str, data: bytes, *, content_type: str, sha256: str, replaces: str | None) -> str:  # noqa: ARG002
        """Discard the data."""
        return ""

    def put_parts(self, key: str, parts: Iterable[bytes], *, content_type: str, replaces: str | None) -> str:  # noqa: ARG002
        """Consume and discard the parts."""
        for _ in parts:
            pass
        return ""

    def copy(self, key: str, to: str) -> None:  # noqa: ARG002
        raise VideoMissingError(f"there is nothing, and no {key!r}")

    def list(self, prefix: str, after: str = "", *, deep: bool = True) -> Iterator[StoredObject]:  # noqa: ARG002
        return iter(())

    def delete(self, keys: Sequence[str], versions: Mapping[str, str] = NO_VERSIONS) -> None:
        """Do nothing."""


def handle(event: dict[str, Any], _context: object) -> int:
    """Decode the file at ``event["path"]`` ``event["times"]`` times; return the number of frames."""
    return sum(_decode(Path(event["path"])) for _ in range(event["times"]))


def _decode(path: Path) -> int:
    with tempfile.TemporaryDirectory() as directory:
        link = Path(directory, "source")
        link.symlink_to(path)
        source = SourceVideo(bucket=None, key=path.name, etag=None, size_bytes=path.stat().st_size)
        worker = _app().worker
        task = ExtractionTask(link, "alone", None, source, worker.policy, time.monotonic() + 600)
        frame_store = FrameStore(Nowhere(), FrameKeys("", "{index:06d}.jpg"), worker.policy.image_format)
        return len(extract(task, frame_store, worker.context.config, Stopwatch()).frames)


@cache
def _app() -> App:
    return build_app(load_settings(os.environ))
