"""The output form ``tar``: all frames in one tar, a WebDataset shard, uploaded while frames are decoded.

Each frame is a sample: its image, followed by a JSON file with its metadata. Only a few parts are in memory
at a time, and nothing is written to the disk. The tar appears in the store when it is complete.
"""

import hashlib
import json
import re
import tarfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import asdict

from extractor.domain.frames import Frame, StoredFrame
from extractor.domain.keys import CODE_PATTERN, derived_code
from extractor.domain.manifest import Archive
from extractor.domain.output_options import archive_name
from extractor.output.frame_store import FrameStore
from extractor.output.writers import StoredOutput

if TYPE_CHECKING:
    from hashlib import _Hash

TAR_NAME = archive_name("tar")
PART_BYTES = 16 << 20
"""S3 takes 10,000 parts: 156 GiB."""

_SKIPPED = re.compile("__.*__")
_BLOCK_BYTES = 512

END_OF_TAR = bytes(2 * _BLOCK_BYTES)
"""The end-of-archive marker."""


def write_tar(
    frames: Iterable[Frame],
    frame_store: FrameStore,
    *,
    workers: int = 1,  # noqa: ARG001 - a tar is one object
    sample_name: str,
) -> StoredOutput:
    """Store all frames as one tar; see `extractor.output.writers.FrameWriter`.

    Each frame has the key that it would have as an object. After an error there is no tar.
    """
    folder, tar = samples_folder(sample_name), TarStream()
    members: list[tuple[StoredFrame, int]] = []

    def content() -> Iterator[bytes]:
        for frame in frames:
            # The key of a WebDataset sample is the file name up to its first dot.
            name = f"{folder}/{frame.index:06d}"
            offset, data = tar.member(f"{name}.{frame_store.image_format}", frame.data)
            members.append((frame_store.describe(frame), offset))
            yield data
            yield tar.member(f"{name}.json", frame_metadata(frame))[1]
        yield tar.end()

    key, etag = frame_store.put_parts(TAR_NAME, in_parts(content(), PART_BYTES), "application/x-tar")
    members.sort(key=lambda member: member[0].index)
    offsets = tuple(offset for _, offset in members)
    archive = Archive(key, tar.size_bytes, tar.sha256, etag, offsets=offsets)
    return StoredOutput(tuple(frame for frame, _ in members), archive)


class TarStream(Struct):
    """Generates a tar. The same members always give the same bytes: they have no owner and no time.

    Attributes:
        size_bytes: Size of everything generated so far.
    """

    size_bytes: int = 0
    _digest: "_Hash" = field(default_factory=hashlib.sha256)

    @property
    def sha256(self) -> str:
        """SHA-256 of everything generated so far, in lower-case hex."""
        return self._digest.hexdigest()

    def member(self, name: str, data: bytes) -> tuple[int, bytes]:
        """Return the position of `data` in the tar, and the bytes of the member to append."""
        header = member_header(name, len(data))
        start = self.size_bytes + len(header)
        return start, self._counted(header + data + padding(len(data)))

    def end(self) -> bytes:
        """Return the end-of-archive marker."""
        return self._counted(END_OF_TAR)

    def _counted(self, data: bytes) -> bytes:
        self.size_bytes += len(data)
        self._digest.update(data)
        return data


def padding(size_bytes: int) -> bytes:
    """Return what follows a file of this size in a tar."""
    return bytes(-size_bytes % _BLOCK_BYTES)


def member_header(name: str, size_bytes: int) -> bytes:
    """Return a ustar header, after a pax header if the name is too long for ustar."""
    info = tarfile.TarInfo(name)
    info.size = size_bytes
    return info.tobuf(tarfile.PAX_FORMAT)


def frame_metadata(frame: Frame | StoredFrame) -> bytes:
    """Return the JSON file of a frame's sample."""
    metadata: dict[str, object] = {
        "index": frame.index,
        "slot": frame.slot,
        "pts_seconds": frame.pts_seconds,
        "width": frame.width,
        "height": frame.height,
    }
    if frame.measures:
        metadata |= asdict(frame.measures)
    return json.dumps(metadata, separators=(",", ":")).encode()


def samples_folder(sample_name: str) -> str:
    """Return the folder of the video's samples in the tar.

    It is different for each video, so that tars can be read together. WebDataset readers skip files whose
    path begins with ``__any__``.
    """
    return "/".join(
        part if re.fullmatch(CODE_PATTERN, part) and not _SKIPPED.fullmatch(part) else derived_code(part)
        for part in sample_name.split("/")
    )


def in_parts(pieces: Iterable[bytes], part_bytes: int) -> Iterator[bytes]:
    """Split the bytes into parts of exactly `part_bytes`, except for the last one."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while len(buffer) >= part_bytes:
            yield bytes(buffer[:part_bytes])
            del buffer[:part_bytes]
    if buffer:
        yield bytes(buffer)
