"""Copy whole tars of videos into shards within S3, without a download.

The members of a video's tar are, byte for byte, those of the video in a shard. S3 can copy such a range
as a part of an upload if it has at least 5 MiB. It copies only the version whose ETag the manifest
states, whose images were verified when it was written.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from extractor.backends.storage.base import StoredRange
from extractor.dataset.plan import Shard, Video
from extractor.domain.manifest import Archive
from extractor.output.tar import END_OF_TAR, PART_BYTES, samples_folder

if TYPE_CHECKING:
    from extractor.backends.storage.s3 import S3ObjectStore

LEAST_PART_BYTES = 5 << 20
_MOST_PART_BYTES = 5 << 30


class Copier(Struct, frozen=True):
    """What copies ranges from one bucket to another, or within a bucket.

    Attributes:
        source_bucket: The name of the bucket that ranges are copied from.
        source_prefix: Prefix of the keys there, with its closing slash; it may be empty.
        target: The bucket of the shards.
    """

    source_bucket: str
    source_prefix: str
    target: "S3ObjectStore"

    def parts(
        self, shard: Shard, content: Callable[[Video], Iterable[bytes]]
    ) -> Iterator[bytes | StoredRange]:
        """Yield the parts of a shard: ranges to copy, and bytes where that is not possible.

        A part has at least 5 MiB, except for the last one. A tar is read if what is before it is shorter.

        Args:
            shard: The shard.
            content: Yields the bytes of a video.
        """
        buffer = bytearray()
        for video in shard.videos:
            archive = whole_tar(video)
            if archive and archive.etag and (not buffer or len(buffer) >= LEAST_PART_BYTES):
                if buffer:
                    yield bytes(buffer)
                    buffer.clear()
                key = f"{self.source_prefix}{video.folder}{archive.key.rpartition('/')[2]}"
                yield StoredRange(self.source_bucket, key, archive.etag, video.size_bytes)
                continue
            for data in content(video):
                buffer += data
                while len(buffer) >= PART_BYTES:
                    yield bytes(buffer[:PART_BYTES])
                    del buffer[:PART_BYTES]
        yield bytes(buffer + END_OF_TAR)


def whole_tar(video: Video) -> Archive | None:
    """Return a video's tar if, but for its end, it is what the video is in a shard, and can be a part."""
    manifest = video.manifest
    archive = manifest.archive
    name = f"{manifest.platform}/{manifest.code}" if manifest.platform else manifest.code
    is_whole = (
        archive is not None
        and LEAST_PART_BYTES <= video.size_bytes <= _MOST_PART_BYTES
        and video.samples == samples_folder(name)
        and archive.size_bytes == video.size_bytes + len(END_OF_TAR)
        and sorted(archive.offsets) == [offset for _, offset in video.offsets(0)]
    )
    return archive if is_whole else None
