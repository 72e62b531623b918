"""Resume record: lists the frames that an unfinished run has stored, so that the next run continues there.

It is stored next to the frames and deleted once the manifest is written. Advisory only: frames are reused
only for the same version of the source under the same policy, and only if they still exist.
"""

import hashlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec
from msgspec import Struct

from extractor.backends.storage.base import ObjectStore, StoredObject
from extractor.domain.frames import ProgressCallback, StoredFrame
from extractor.domain.jobs import SourceVideo
from extractor.domain.layout import FrameKeys
from extractor.domain.manifest import SCHEMA_VERSION
from extractor.domain.output_options import PARTIAL_RUN_NAME
from extractor.domain.policy import SamplingPolicy, fingerprint
from extractor.errors import TransientError
from extractor.output.frame_store import FrameStore
from extractor.output.manifest_store import is_version

logger = logging.getLogger(__name__)

_INTERVAL_SECONDS: Final = 30
_INTERVAL_FACTOR: Final = 20
"""The record grows with the frames: the interval is at least this many times the duration of a write."""


class _Record(Struct, kw_only=True, frozen=True):
    """The content of the file. A new field needs a default."""

    schema_version: int = SCHEMA_VERSION
    source: SourceVideo
    policy_fingerprint: str
    frames: tuple[StoredFrame, ...]


_decoder = msgspec.json.Decoder(_Record)


class PartialRun(Struct):
    """The resume record of one video.

    Attributes:
        store: The bucket of the frames.
        frame_keys: Keys of the video.
        source: The version of the source.
        policy: The policy of the run.
        etag: Version of the record as last read or written; ``None`` if there is none.
    """

    store: ObjectStore
    frame_keys: FrameKeys
    source: SourceVideo
    policy: SamplingPolicy
    etag: str | None = None

    @property
    def key(self) -> str:
        """Key of the record."""
        return self.frame_keys.prefix + PARTIAL_RUN_NAME

    def read(self, known: Mapping[str, StoredObject]) -> tuple[StoredFrame, ...]:
        """Return the frames, from the first on without a gap, that can be reused.

        Args:
            known: Existing objects under the video's prefix, by key.
        """
        if self.key not in known or (found := self.store.read(self.key)) is None:
            return ()
        self.etag = found.etag
        record = _parse(found.data)
        if record is None or not self._matches(record):
            return ()
        return _without_gap(record.frames, known)

    @contextmanager
    def saving(self, frame_store: FrameStore, before: Sequence[StoredFrame]) -> Iterator[ProgressCallback]:
        """Write the record every half minute, and when a transient error ends the run.

        Args:
            frame_store: Lists the frames that this run stores.
            before: Frames of earlier runs that are reused.

        Yields:
            The callback to call after each frame.
        """
        due = time.monotonic() + _INTERVAL_SECONDS

        def on_progress(_done: float, _total: float) -> None:
            nonlocal due
            started = time.monotonic()
            if frame_store.stored and started > due:
                self.write([*before, *tuple(frame_store.stored)])
                ended = time.monotonic()
                due = ended + max(_INTERVAL_SECONDS, _INTERVAL_FACTOR * (ended - started))

        try:
            yield on_progress
        except TransientError:
            if frame_store.stored:
                self.write([*before, *frame_store.stored])
            raise

    def write(self, frames: Sequence[StoredFrame]) -> None:
        """Write the record (best effort: after an error, the next run extracts the frames again)."""
        record = _Record(
            source=self.source,
            policy_fingerprint=fingerprint(self.policy),
            frames=tuple(sorted(frames, key=lambda frame: frame.index)),
        )
        data = msgspec.json.encode(record)
        digest = hashlib.sha256(data).hexdigest()
        try:
            self.etag = self.store.put(
                self.key, data, content_type="application/json", sha256=digest, replaces=self.etag
            )
        except TransientError as error:
            logger.warning("cannot store the resume record; the next run starts over: %s", error)

    def remove(self) -> None:
        """Delete the record (best effort; errors are logged)."""
        if self.etag is None:
            return
        try:
            self.store.delete([self.key], versions={self.key: self.etag})
        except TransientError as error:
            logger.warning("%s is left over: %s", self.key, error)

    def _matches(self, record: _Record) -> bool:
        return (
            record.schema_version == SCHEMA_VERSION
            and record.source == self.source
            and record.source.etag is not None
            and record.policy_fingerprint == fingerprint(self.policy)
        )


def _parse(data: bytes) -> _Record | None:
    try:
        return _decoder.decode(data)
    except (ValueError, RecursionError):  # all errors of msgspec, and UnicodeDecodeError, are ValueErrors
        return None


def _without_gap(frames: Sequence[StoredFrame], known: Mapping[str, StoredObject]) -> tuple[StoredFrame, ...]:
    reusable = []
    for index, frame in enumerate(frames):
        stored = known.get(frame.key)
        if frame.index != index or stored is None or not is_version(frame, stored):
            break
        reusable.append(frame)
    return tuple(reusable)
