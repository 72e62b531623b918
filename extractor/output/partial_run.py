"""What a run that was cut off leaves for the next one: the record of the frames that it has stored.

It lies beside the frames and goes when their manifest comes. It proves nothing: a run that finds it takes
over frames of the same version of the source under the same policy, as long as they are still there, and
makes the rest.
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
from extractor.domain.policy import SamplingPolicy, fingerprint
from extractor.errors import TransientError
from extractor.output.frame_store import FrameStore
from extractor.output.manifest_store import is_version

logger = logging.getLogger(__name__)

_NAME: Final = "interim.json"
_PAUSE_SECONDS: Final = 30
_PAUSE_SHARE: Final = 20
"""The record grows with the frames: writing it may take a twentieth of the time."""


class _Record(Struct, kw_only=True, frozen=True):
    """The content of the file. A new field needs a default."""

    schema_version: int = SCHEMA_VERSION
    source: SourceVideo
    policy_fingerprint: str
    frames: tuple[StoredFrame, ...]


_decoder = msgspec.json.Decoder(_Record)


class PartialRun(Struct):
    """The record of one video, for `source` under `policy`. `etag` is that of the record as it is now."""

    store: ObjectStore
    frame_keys: FrameKeys
    source: SourceVideo
    policy: SamplingPolicy
    etag: str | None = None

    @property
    def key(self) -> str:
        return self.frame_keys.prefix + _NAME

    def read(self, known: Mapping[str, StoredObject]) -> tuple[StoredFrame, ...]:
        """The frames from the first on that need not be made again. `known` is what lies under the prefix."""
        if self.key not in known or (found := self.store.read(self.key)) is None:
            return ()
        self.etag = found.etag
        record = _parse(found.data)
        if record is None or not self._is_ours(record):
            return ()
        return _without_gap(record.frames, known)

    @contextmanager
    def saving(self, frame_store: FrameStore, before: Sequence[StoredFrame]) -> Iterator[ProgressCallback]:
        """Note what is on the shelf, besides what was there `before`, when the run is cut off, and every
        half minute that it reports progress; less often if writing takes long."""
        due = time.monotonic() + _PAUSE_SECONDS

        def progress(_done: float, _all: float) -> None:
            nonlocal due
            begun = time.monotonic()
            if frame_store.stored and begun > due:
                self.write([*before, *tuple(frame_store.stored)])
                ended = time.monotonic()
                due = ended + max(_PAUSE_SECONDS, _PAUSE_SHARE * (ended - begun))

        try:
            yield progress
        except TransientError:
            if frame_store.stored:
                self.write([*before, *frame_store.stored])
            raise

    def write(self, frames: Sequence[StoredFrame]) -> None:
        """Note what is stored, in any order. Failing here fails nothing: the frames are then made again."""
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
            logger.warning("the next run cannot go on from here: %s", error)

    def remove(self) -> None:
        """It is of no more use. Failing here fails nothing, either."""
        if self.etag is None:
            return
        try:
            self.store.delete([self.key], versions={self.key: self.etag})
        except TransientError as error:
            logger.warning("%s is left over: %s", self.key, error)

    def _is_ours(self, record: _Record) -> bool:
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
    there = []
    for index, frame in enumerate(frames):
        stored = known.get(frame.key)
        if frame.index != index or stored is None or not is_version(frame, stored):
            break
        there.append(frame)
    return tuple(there)
