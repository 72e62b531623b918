"""Plan of the shards: which video goes to which shard, and where its frames are in it. Pure: no I/O.

The bytes of a shard follow from the manifests except for the images, whose sizes and SHA-256 are known. A
shard that exists can therefore be checked without its source, and the tables need no images.
"""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from extractor.dataset.splits import Split, split_of
from extractor.domain.frames import StoredFrame
from extractor.domain.keys import derived_code
from extractor.domain.manifest import Manifest
from extractor.domain.policy import IMAGE_FORMATS
from extractor.errors import UnreadableError
from extractor.output.tar import END_OF_TAR, frame_metadata, member_header, padding

_SAFE = re.compile("[A-Za-z0-9_-]+")
_SKIPPED = re.compile("__.*__")  # files below such folders are skipped by readers of WebDataset


class Video(Struct, frozen=True):
    """A video of the source.

    Attributes:
        folder: Prefix of its manifest in the source, with the closing slash; it may be empty.
        manifest: Its manifest.
        samples: Prefix of the keys of its samples, without a dot. No other video has it.
    """

    folder: str
    manifest: Manifest
    samples: str

    @property
    def frames(self) -> tuple[StoredFrame, ...]:
        """The frames in the order in which they are read and written."""
        manifest = self.manifest
        if manifest.archive is None:
            return manifest.frames
        members = sorted(
            zip(manifest.archive.offsets, manifest.frames, strict=True), key=lambda member: member[0]
        )
        return tuple(frame for _, frame in members)

    def pieces(self) -> Iterator[bytes | StoredFrame]:
        """Yield the content of the shard: bytes, and in place of each image its frame."""
        for frame in self.frames:
            sample, metadata = self.sample(frame), frame_metadata(frame)
            yield member_header(f"{sample}.{_extension(frame)}", frame.size_bytes)
            yield frame
            yield padding(frame.size_bytes)
            yield member_header(f"{sample}.json", len(metadata)) + metadata + padding(len(metadata))

    def sample(self, frame: StoredFrame) -> str:
        """Return the key of a frame's sample."""
        return f"{self.samples}/{frame.index:06d}"

    def offsets(self, start: int) -> Iterator[tuple[StoredFrame, int]]:
        """Yield each frame with the position of its image in a shard in which the video begins at `start`."""
        for piece in self.pieces():
            if isinstance(piece, StoredFrame):
                yield piece, start
            start += _size(piece)

    @property
    def size_bytes(self) -> int:
        """What the video takes in a shard."""
        return sum(map(_size, self.pieces()))


class Shard(Struct):
    """A shard of a split.

    Attributes:
        split: Name of the split.
        number: Its number within the split, from 0.
        videos: Its videos.
        starts: The position of each video in the shard.
        content_bytes: The size of the videos.
    """

    split: str
    number: int
    videos: list[Video] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    content_bytes: int = 0

    @property
    def name(self) -> str:
        """Its file name."""
        return f"{self.split}-{self.number:06d}.tar"

    @property
    def size_bytes(self) -> int:
        """The size of the file."""
        return self.content_bytes + len(END_OF_TAR)

    @property
    def frame_count(self) -> int:
        """The number of its frames."""
        return sum(len(video.manifest.frames) for video in self.videos)


class Planner(Struct):
    """Assigns videos to shards, in the order in which they are added.

    Only the shard of each split that is being filled is kept.

    Attributes:
        shard_bytes: No shard is larger, unless it has a single video.
        splits: The splits.
    """

    shard_bytes: int
    splits: Sequence[Split]
    _open: dict[str, Shard] = field(default_factory=dict)

    def add(self, video: Video) -> Shard | None:
        """Assign a video.

        Returns:
            The shard of the same split that is complete, because the video no longer fits into it.
        """
        split, size = split_of(video.manifest.code, self.splits), video.size_bytes
        shard = self._open.setdefault(split, Shard(split, 0))
        full = None
        if shard.videos and shard.size_bytes + size > self.shard_bytes:
            full, shard = shard, Shard(split, shard.number + 1)
            self._open[split] = shard
        shard.videos.append(video)
        shard.starts.append(shard.content_bytes)
        shard.content_bytes += size
        return full

    def rest(self) -> list[Shard]:
        """Return the last shards of all splits, when there are no more videos."""
        return [self._open[split.name] for split in self.splits if split.name in self._open]


def make_video(folder: str, manifest: Manifest) -> Video:
    """Return the video of a manifest.

    Args:
        folder: Prefix of the manifest in the source, with the closing slash.
        manifest: The manifest.

    Raises:
        UnreadableError: Two frames have one number, or a frame has no known file extension.
    """
    if len({frame.index for frame in manifest.frames}) < len(manifest.frames):
        raise UnreadableError("two frames have the same index")
    for frame in manifest.frames:
        if _extension(frame) not in IMAGE_FORMATS or frame.size_bytes < 0 or frame.index < 0:
            raise UnreadableError(f"the entry of the frame {frame.key!r} is invalid")
    if not folder:  # a name that no folder beside the manifest has
        return Video(folder, manifest, derived_code(manifest.code))
    return Video(folder, manifest, "/".join(map(_safe, folder.rstrip("/").split("/"))))


def _safe(part: str) -> str:
    return part if _SAFE.fullmatch(part) and not _SKIPPED.fullmatch(part) else derived_code(part)


def _extension(frame: StoredFrame) -> str:
    return frame.key.rpartition(".")[2]


def _size(piece: bytes | StoredFrame) -> int:
    return piece.size_bytes if isinstance(piece, StoredFrame) else len(piece)
