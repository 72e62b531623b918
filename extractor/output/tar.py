"""Frames into one tar, which is stored while the next frames are being decoded.

The tar is a shard for WebDataset: each frame is a sample, its image followed by a JSON of what is known of
it. It takes memory for a few parts, whatever its size, and no room on the disk; it appears in the store when
it is complete, or not at all.
"""

import json
import re
from collections.abc import Iterable, Iterator

from msgspec import Struct, field
from msgspec.structs import asdict

from extractor.domain.frames import Frame, StoredFrame
from extractor.domain.keys import CODE_PATTERN, derived_code
from extractor.domain.manifest import Archive
from extractor.output.frame_store import FrameStore
from extractor.output.tar_stream import TarWriter

TAR_NAME = "frames.tar"
PART_BYTES = 16 << 20
"""S3 takes 10,000 parts: 156 GiB."""

_SKIPPED = re.compile("__.*__")


def pack_frames(
    frames: Iterable[Frame], frame_store: FrameStore, name: str, part_bytes: int = PART_BYTES
) -> tuple[tuple[StoredFrame, ...], Archive]:
    """Put all frames on the shelf as one tar; returns them in order of their index, each with the key that
    it would have as an object. `name` is that of the video, such as ``platform/code``.

    Raises the first error of the store or of `frames`; there is no tar then.
    """
    packing = _Packing(frame_store, _folder(name))
    key, etag = frame_store.put_parts(
        TAR_NAME, _in_parts(packing.pieces(frames), part_bytes), "application/x-tar"
    )
    placed = sorted(packing.placed, key=lambda place: place[0].index)
    offsets = tuple(offset for _, offset in placed)
    archive = Archive(key, packing.tar.size_bytes, packing.tar.sha256, etag, offsets=offsets)
    return tuple(frame for frame, _ in placed), archive


class _Packing(Struct, frozen=True):
    frame_store: FrameStore
    folder: str
    tar: TarWriter = field(default_factory=TarWriter)
    placed: list[tuple[StoredFrame, int]] = field(default_factory=list)

    def pieces(self, frames: Iterable[Frame]) -> Iterator[bytes]:
        for frame in frames:
            # WebDataset takes for the sample's key what is before the first dot of the file's name.
            key = f"{self.folder}/{frame.index:06d}"
            offset, piece = self.tar.member(f"{key}.{self.frame_store.image_format}", frame.data)
            self.placed.append((self.frame_store.describe(frame), offset))
            yield piece
            yield self.tar.member(f"{key}.json", _facts(frame))[1]
        yield self.tar.end()


def _facts(frame: Frame) -> bytes:
    facts: dict[str, object] = {
        "index": frame.index,
        "slot": frame.slot,
        "pts_seconds": frame.pts_seconds,
        "width": frame.width,
        "height": frame.height,
    }
    if frame.measures:
        facts |= asdict(frame.measures)
    return json.dumps(facts, separators=(",", ":")).encode()


def _folder(name: str) -> str:
    """Where the samples of the video lie in the tar. No two videos have the same one, so that tars can be
    read together. Readers of WebDataset skip files whose path begins with ``__any__``."""
    return "/".join(
        part if re.fullmatch(CODE_PATTERN, part) and not _SKIPPED.fullmatch(part) else derived_code(part)
        for part in name.split("/")
    )


def _in_parts(pieces: Iterable[bytes], part_bytes: int) -> Iterator[bytes]:
    """The same bytes, in parts of exactly that size but for the last."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while len(buffer) >= part_bytes:
            yield bytes(buffer[:part_bytes])
            del buffer[:part_bytes]
    if buffer:
        yield bytes(buffer)
