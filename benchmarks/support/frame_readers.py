"""Ways to read frames back from S3: as objects, or from tars. Each returns the frames as they are stored."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from extractor.domain.frames import StoredFrame
from extractor.domain.manifest import Manifest, parse_manifest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Images = list[bytes]
_Item = TypeVar("_Item")


class Reader:
    """Reads the frames of one bucket.

    Args:
        s3: A client.
        bucket: The bucket of the frames.
        prefixes: Of the videos; `manifest.json` is below each.
    """

    def __init__(self, s3: "S3Client", bucket: str, prefixes: Sequence[str]) -> None:
        self._s3, self._bucket, self._prefixes = s3, bucket, prefixes
        # What a reader with an index of the data set has at hand.
        self._manifests = [self._manifest(prefix) for prefix in prefixes]

    def known_frame(self) -> Images:
        """Return a frame from the middle of the first video, whose place is known."""
        return [self._frame(self._manifests[0], self._middle)]

    def frame_by_manifest(self) -> Images:
        """Return the same frame, after its place was looked up in the manifest."""
        return [self._frame(self._manifest(self._prefixes[0]), self._middle)]

    def video(self, threads: int) -> Images:
        """Return all frames of the first video, after its manifest was read."""
        return self._frames([self._manifest(self._prefixes[0])], threads)

    def all_videos(self, threads: int) -> Images:
        """Return all frames of all videos, whose places are known."""
        return self._frames(self._manifests, threads)

    def by_webdataset(self, threads: int) -> Images:
        """Return all frames of all tars by WebDataset's loader; its shards are shared among threads.

        Raises:
            ImportError: webdataset is not installed.
        """
        import webdataset
        from webdataset.gopen import gopen_schemes

        gopen_schemes["s3"] = self._stream
        urls = [f"s3://{self._bucket}/{archive.key}" for one in self._manifests if (archive := one.archive)]

        def load(share: Sequence[str]) -> Images:
            return [sample["jpg"] for sample in webdataset.WebDataset(share, shardshuffle=False)]

        shares = [urls[first::threads] for first in range(min(threads, len(urls)))]
        return _together(load, shares, threads)

    @property
    def _middle(self) -> int:
        return len(self._manifests[0].frames) // 2

    def _frames(self, manifests: Sequence[Manifest], threads: int) -> Images:
        tars = [one for one in manifests if one.archive]
        places = [(one, number) for one in manifests if not one.archive for number in range(len(one.frames))]
        in_tars = _together(lambda one: list(self._tar(one)), tars, threads)
        return in_tars + _together(lambda place: [self._frame(*place)], places, threads)

    def _tar(self, manifest: Manifest) -> Iterator[bytes]:
        assert manifest.archive
        data = self._get(manifest.archive.key)
        for frame, offset in zip(manifest.frames, manifest.archive.offsets, strict=True):
            yield data[offset : offset + frame.size_bytes]

    def _frame(self, manifest: Manifest, number: int) -> bytes:
        frame: StoredFrame = manifest.frames[number]
        if manifest.archive is None:
            return self._get(frame.key)
        start = manifest.archive.offsets[number]
        return self._get(manifest.archive.key, Range=f"bytes={start}-{start + frame.size_bytes - 1}")

    def _manifest(self, prefix: str) -> Manifest:
        manifest = parse_manifest(self._get(f"{prefix}manifest.json"))
        assert manifest is not None
        return manifest

    def _get(self, key: str, **options: Any) -> bytes:
        return self._s3.get_object(Bucket=self._bucket, Key=key, **options)["Body"].read()

    def _stream(self, url: str, *_: object, **__: object) -> Any:
        """Open an object for WebDataset, by its URL."""
        return self._s3.get_object(Bucket=self._bucket, Key=url.removeprefix(f"s3://{self._bucket}/"))["Body"]


def _together(load: Callable[[_Item], Images], items: Sequence[_Item], threads: int) -> Images:
    with ThreadPoolExecutor(threads) as pool:
        return list(chain.from_iterable(pool.map(load, items)))
