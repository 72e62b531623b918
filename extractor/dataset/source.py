"""The source of a data set: manifests and frames in a folder or a bucket."""

import hashlib
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from os.path import commonprefix

from msgspec import Struct

from extractor.backends.storage.base import ObjectStore
from extractor.dataset.plan import Video, make_video
from extractor.domain.frames import StoredFrame
from extractor.domain.key_parser import TRASH
from extractor.domain.keys import MANIFEST_NAME
from extractor.domain.manifest import parse_manifest
from extractor.errors import AccessDeniedError, PermanentError, SourceChangedError, UnreadableError
from extractor.output.unpack import split_archive

_AT_ONCE = 16  # images that are read at a time


class DamagedSource(Struct, frozen=True):
    """A manifest that cannot be used.

    Attributes:
        text: Which one, and why.
        denied: Whether the access was denied.
    """

    text: str
    denied: bool = False


class Source(Struct, frozen=True):
    """What is exported.

    Attributes:
        store: The folder or the bucket.
        prefix: Prefix of the keys, with its closing slash; it may be empty.
    """

    store: ObjectStore
    prefix: str = ""

    def videos(self) -> Iterator[Video | DamagedSource]:
        """Yield the videos, ordered by the keys of their manifests."""
        for entry in self.store.list(self.prefix):
            folder, slash, name = entry.key.rpartition("/")
            if name == MANIFEST_NAME and not entry.key.startswith(TRASH):
                try:
                    yield self._video(folder + slash, entry.key)
                except UnreadableError as error:
                    yield DamagedSource(f"{entry.key!r}: {error}")
                except AccessDeniedError as error:
                    yield DamagedSource(f"{entry.key!r}: {error}", denied=True)

    def images(self, video: Video) -> Generator[bytes, None, None]:
        """Yield the images of a video in the order of its frames, each verified.

        Raises:
            SourceChangedError: One is missing, may not be read, or is not as the manifest states; the text
                names it.
        """
        folder = self.prefix + video.folder
        archive = video.manifest.archive
        if archive is None:
            yield from self._objects(video, folder)
            return
        key = folder + archive.key.rpartition("/")[2]
        with _naming(key), self.store.open(key) as stream:
            for frame, data in split_archive(stream.chunks(), video.manifest, archive):
                yield _verified(frame, data)

    def _video(self, folder: str, key: str) -> Video:
        found = self.store.read(key)
        manifest = parse_manifest(found.data) if found else None
        if manifest is None:
            raise UnreadableError("is not a manifest of this schema version")
        return make_video(folder.removeprefix(self.prefix), manifest)

    def _objects(self, video: Video, folder: str) -> Generator[bytes, None, None]:
        """Read single objects, several at a time; only those are in memory."""
        moved_from = _folder_in_manifest(video, folder)
        pending: deque[Future[bytes]] = deque()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                for frame in video.frames:
                    key = folder + frame.key.removeprefix(moved_from)
                    pending.append(pool.submit(self._object, frame, key))
                    if len(pending) == _AT_ONCE:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _object(self, frame: StoredFrame, key: str) -> bytes:
        with _naming(key), self.store.open(key) as stream:
            # An object of another size, which may be a large one, is not read.
            is_same_size = stream.size_bytes == frame.size_bytes
            return _verified(frame, b"".join(stream.chunks()) if is_same_size else b"")


@contextmanager
def _naming(key: str) -> Iterator[None]:
    """Name the object in errors about it. Errors of the whole store pass."""
    try:
        yield
    except (PermanentError, SourceChangedError, AccessDeniedError) as error:
        raise SourceChangedError(f"{key!r}: {error}") from error


def _verified(frame: StoredFrame, data: bytes) -> bytes:
    if len(data) != frame.size_bytes or hashlib.sha256(data).hexdigest() != frame.sha256:
        raise SourceChangedError(
            f"frame {frame.index} does not have the size and the SHA-256 that the manifest states"
        )
    return data


def _folder_in_manifest(video: Video, folder: str) -> str:
    """Return the prefix that the keys in the manifest have in place of `folder`.

    It differs if the video was moved, and for local files, whose keys are relative to their folder. Frames
    may be in subfolders: if one folder above all frames has the name of `folder`, that is the one.
    """
    keys = [frame.key for frame in video.manifest.frames]
    if folder and all(key.startswith(folder) for key in keys):
        return folder
    shared = commonprefix(keys)  # noqa: RUF071 - cut at its last slash
    shared = shared[: shared.rfind("/") + 1]
    name = folder.rstrip("/").rpartition("/")[2]
    before, found, _ = f"/{shared}".rpartition(f"/{name}/")
    return f"{before}{found}"[1:] if found else shared
