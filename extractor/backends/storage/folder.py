"""A local folder as an `ObjectStore`: keys are paths relative to it.

A file gets its name only when it is complete, and no key can refer to a path outside of the folder.
"""

import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from extractor.backends.storage.base import NO_VERSIONS, RangedObject, StoredBytes, StoredObject
from extractor.errors import (
    AccessDeniedError,
    ConflictError,
    ExtractorError,
    SourceChangedError,
    StorageUnavailableError,
    VideoMissingError,
)

_CHUNK_BYTES = 1 << 20
_PARTIAL = ".partial-"
_NO_NAMES = frozenset({"", ".", ".."})
# Errors of the operating system; anything else is a StorageUnavailableError. A directory is not an object.
_MISSING = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
_KINDS: dict[type[OSError], type[ExtractorError]] = {PermissionError: AccessDeniedError}


class FileStream(Struct, frozen=True):
    """An open file as an `extractor.backends.storage.base.ObjectStream`."""

    etag: str
    size_bytes: int
    file: BinaryIO
    ranges: RangedObject | None = None

    def chunks(self) -> Iterator[bytes]:
        received = 0
        with _mapping_errors("read the file"):
            while chunk := self.file.read(_CHUNK_BYTES):
                received += len(chunk)
                yield chunk
        if received != self.size_bytes:
            raise SourceChangedError(f"{received} bytes arrived instead of {self.size_bytes}")


class FolderObjectStore:
    """A folder as an `extractor.backends.storage.base.ObjectStore`.

    Args:
        root: The folder. The first write creates it if necessary.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def open(self, key: str) -> Iterator[FileStream]:
        path = self._path(key)
        with _mapping_errors(f"read {key!r}"):
            try:
                file = path.open("rb")
            except _MISSING as error:
                raise VideoMissingError(f"there is no file {key!r} in {str(self._root)!r}") from error
        with file:
            found = os.fstat(file.fileno())
            yield FileStream(_etag(found), found.st_size, file)

    def read(self, key: str) -> StoredBytes | None:
        try:
            with self.open(key) as stream:
                return StoredBytes(b"".join(stream.chunks()), stream.etag)
        except VideoMissingError:
            return None

    def put(self, key: str, data: bytes, *, content_type: str, sha256: str, replaces: str | None) -> str:
        del content_type  # files have no MIME type
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StorageUnavailableError(f"the data for {key!r} arrived damaged: write it again")
        path = self._path(key)
        with _mapping_errors(f"write {key!r}"):
            if (stored := _version(path)) != replaces:
                if stored is not None and path.read_bytes() == data:
                    return stored
                raise ConflictError(f"somebody else has written {key!r} in {str(self._root)!r}")
            return _write(os.fspath(path), data)

    def put_parts(self, key: str, parts: Iterable[bytes], *, content_type: str, replaces: str | None) -> str:
        del content_type
        path = self._path(key)
        partial = path.with_name(f"{_PARTIAL}{uuid.uuid4().hex}")
        with _mapping_errors(f"write {key!r}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with partial.open("wb") as file:
                    file.writelines(parts)
                if (stored := _version(path)) != replaces:
                    from filecmp import cmp

                    if stored is not None and cmp(partial, path, shallow=False):
                        return stored
                    raise ConflictError(f"somebody else has written {key!r} in {str(self._root)!r}")
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
            return _etag(path.stat())

    def list(self, prefix: str, after: str = "", *, deep: bool = True) -> Iterator[StoredObject]:
        with _mapping_errors(f"list {prefix!r}"):
            found = sorted(self._files(prefix, deep), key=lambda entry: entry.key)
        yield from (entry for entry in found if entry.key > after)

    def copy(self, key: str, to: str) -> None:
        path, partial = self._path(to), self._path(to).with_name(f"{_PARTIAL}{uuid.uuid4().hex}")
        with self.open(key) as stream, _mapping_errors(f"copy {key!r}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with partial.open("wb") as file:
                    file.writelines(stream.chunks())
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)

    def delete(self, keys: Sequence[str], versions: Mapping[str, str] = NO_VERSIONS) -> None:
        for key in keys:
            path = self._path(key)
            with _mapping_errors(f"delete {key!r}"), suppress(*_MISSING):
                if versions.get(key) in {None, _etag(path.stat())}:
                    path.unlink()

    def _files(self, prefix: str, deep: bool) -> Iterator[StoredObject]:
        # The prefix may end inside a name, so walk the directory before its last slash.
        for folder, folders, names in os.walk(self._root / prefix.rpartition("/")[0]):
            if not deep:
                folders.clear()
            for name in names:
                path = Path(folder, name)
                key = path.relative_to(self._root).as_posix()
                if key.startswith(prefix) and not name.startswith(_PARTIAL):
                    found = path.stat()
                    modified = datetime.fromtimestamp(found.st_mtime, UTC)
                    yield StoredObject(key, found.st_size, _etag(found), modified)

    def _path(self, key: str) -> Path:
        """Return the path of a key.

        Raises:
            AccessDeniedError: The path is outside of the folder, directly or through a link.
        """
        path = self._root / key
        if (
            "\0" in key
            or not _NO_NAMES.isdisjoint(key.split("/"))
            or (
                ("/" in key or path.is_symlink())  # usually without a slash: one system call
                and not path.resolve().is_relative_to(self._root.resolve())
            )
        ):
            raise AccessDeniedError(f"the key {key!r} is not the name of a file in {str(self._root)!r}")
        return path


def _write(path: str, data: bytes) -> str:
    """Write a file that gets its name when it is complete, and return its ETag.

    Without pathlib, which takes longer than the system calls: this is done for every frame.
    """
    folder = os.path.dirname(path)  # noqa: PTH120
    partial = f"{folder}/{_PARTIAL}{uuid.uuid4().hex}"
    try:
        descriptor = _create(partial)
    except FileNotFoundError:
        Path(folder).mkdir(parents=True, exist_ok=True)
        descriptor = _create(partial)
    try:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            etag = _etag(os.fstat(descriptor))
        finally:
            os.close(descriptor)
        os.replace(partial, path)  # noqa: PTH105
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(partial)  # noqa: PTH108
        raise
    return etag


def _create(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)


def _version(path: Path) -> str | None:
    """Return the ETag of the file; ``None`` if it does not exist."""
    try:
        return _etag(path.stat())
    except _MISSING:
        return None


def _etag(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns:x}-{found.st_ino:x}-{found.st_size:x}"


@contextmanager
def _mapping_errors(action: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind = _KINDS.get(type(error), StorageUnavailableError)
        raise kind(f"cannot {action}: {error.strerror or type(error).__name__}") from error
