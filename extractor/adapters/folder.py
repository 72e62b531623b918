"""A folder as an `ObjectStore`: keys are paths below it.

A file appears under its name only when it is complete, and no key leads out of the folder.
"""

import hashlib
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from extractor.errors import (
    AccessDeniedError,
    ExtractorError,
    SourceChangedError,
    StorageUnavailableError,
    VideoMissingError,
)
from extractor.ports import StoredObject

_CHUNK_BYTES = 1 << 20
_PARTIAL = ".partial-"
# What the system answers; anything else is StorageUnavailableError. A folder is no object, either.
_MISSING = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
_KINDS: dict[type[OSError], type[ExtractorError]] = {PermissionError: AccessDeniedError}


@dataclass(frozen=True, slots=True)
class FileStream:
    """An open file; see `extractor.ports.ObjectStream`. Files have no ETag."""

    size_bytes: int
    file: BinaryIO
    etag: str | None = None

    def chunks(self) -> Iterator[bytes]:
        received = 0
        with _translating("read the file"):
            while chunk := self.file.read(_CHUNK_BYTES):
                received += len(chunk)
                yield chunk
        if received != self.size_bytes:
            raise SourceChangedError(f"{received} bytes arrived instead of {self.size_bytes}")


class FolderObjectStore:
    """See `extractor.ports.ObjectStore`. `root` need not exist before the first `put`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def open(self, key: str) -> Iterator[FileStream]:
        path = self._path(key)
        with _translating(f"read {key!r}"):
            try:
                file = path.open("rb")
            except _MISSING as error:
                raise VideoMissingError(f"there is no file {key!r} in {str(self._root)!r}") from error
        with file:
            yield FileStream(os.fstat(file.fileno()).st_size, file)

    def read(self, key: str) -> bytes | None:
        try:
            with self.open(key) as stream:
                return b"".join(stream.chunks())
        except VideoMissingError:
            return None

    def put(self, key: str, data: bytes, *, content_type: str, sha256: str) -> None:
        del content_type  # a file has none but its name
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StorageUnavailableError(f"the data for {key!r} arrived damaged: write it again")
        path = self._path(key)
        partial = path.with_name(f"{_PARTIAL}{uuid.uuid4().hex}")
        with _translating(f"write {key!r}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                partial.write_bytes(data)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        with _translating(f"list {prefix!r}"):
            found = sorted(self._files(prefix))
        for key, size_bytes in found:
            yield StoredObject(key, size_bytes)

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            path = self._path(key)
            with _translating(f"delete {key!r}"), suppress(*_MISSING):
                path.unlink()

    def _files(self, prefix: str) -> Iterator[tuple[str, int]]:
        # The prefix may end in the middle of a name: look through the last folder that it names whole.
        for folder, _, names in os.walk(self._root / prefix.rpartition("/")[0]):
            for name in names:
                path = Path(folder, name)
                key = path.relative_to(self._root).as_posix()
                if key.startswith(prefix) and not name.startswith(_PARTIAL):
                    yield key, path.stat().st_size

    def _path(self, key: str) -> Path:
        """Raises `AccessDeniedError` for a key that means a place outside, also through a link."""
        path = self._root / key
        named = "\0" not in key and not {"", ".", ".."} & set(key.split("/"))
        if not named or not path.resolve().is_relative_to(self._root.resolve()):
            raise AccessDeniedError(f"the key {key!r} is not the name of a file in {str(self._root)!r}")
        return path


@contextmanager
def _translating(action: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind = _KINDS.get(type(error), StorageUnavailableError)
        raise kind(f"cannot {action}: {error.strerror or type(error).__name__}") from error
