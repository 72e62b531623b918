"""Local videos: files, and pipes that are copied into files; and the names of their results."""

import hashlib
import os
import select
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from msgspec import Struct

from extractor.domain.keys import derived_code
from extractor.errors import AccessDeniedError, VideoMissingError

STANDARD_INPUT = Path("-")
_CHUNK_BYTES = 1 << 20
_STEP_MILLISECONDS = 500
_LONGEST_NAME = 200  # bytes; file systems take 255
_SCHEMES = ("s3:/", "http:/", "https:/")
"""How a path begins that was made from the address of a video."""


class LocalVideo(Struct, frozen=True):
    """A local video.

    Attributes:
        path: The path as it was given.
        file: The regular file; ``None`` for a pipe.
    """

    path: Path
    file: Path | None

    @property
    def name(self) -> str:
        """Name of the file, as text that any encoding can represent."""
        return _text(self.path)

    @property
    def code(self) -> str:
        """Code of the video: the name of the file without its extension."""
        return stem(self.name)

    def sample_name(self, size_bytes: int) -> str:
        """Return a name that no other video of a data set has, made of the path and the size of the file."""
        path = _encodable(str(self.path.absolute()))
        return derived_code(f"{size_bytes}{path}")


def local_video(path: Path) -> LocalVideo:
    """Look up a local video.

    Raises:
        VideoMissingError: It does not exist, or is neither a file nor a pipe.
        AccessDeniedError: It may not be read.
    """
    try:
        found = os.fstat(0) if path == STANDARD_INPUT else path.stat()
    except PermissionError as error:
        raise AccessDeniedError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except (OSError, ValueError) as error:
        if str(path).startswith(_SCHEMES):  # its query may be a signature
            raise VideoMissingError("this reads local files; extract_frames takes addresses, too") from None
        raise VideoMissingError(f"there is no file {str(path)!r}") from error
    if stat.S_ISDIR(found.st_mode):
        raise VideoMissingError(f"{str(path)!r} is a folder, not a video file")
    if stat.S_ISREG(found.st_mode):
        file = _named_file(path, found)
        if file is not None and not os.access(file, os.R_OK):
            raise AccessDeniedError(f"cannot read {str(path)!r}: permission denied")
        return LocalVideo(path, file)
    if stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode):
        return LocalVideo(path, None)
    raise VideoMissingError(f"{str(path)!r} is neither a file nor a pipe")


def _named_file(path: Path, found: os.stat_result) -> Path | None:
    """Return a path of the file that is valid in a child process, where ``/dev/stdin`` is another file.

    Returns ``None`` for a file without a name, such as a deleted one.
    """
    real = Path(os.path.realpath("/dev/stdin" if path == STANDARD_INPUT else path))
    try:
        return real if os.path.samestat(real.stat(), found) else None
    except OSError:
        return None


def bring_in(video: LocalVideo, target: Path) -> Path:
    """Create a link to a file, or a copy of the content of a pipe.

    FFmpeg also considers the extension of a file name. Give a `target` without one, so that only the content
    counts, as in the cloud.

    Returns:
        `target`.

    Raises:
        OSError: It cannot be created.
    """
    if video.file is not None:
        target.symlink_to(video.file)
        return target
    with _opened(video.path) as descriptor, target.open("wb") as file:
        while chunk := _read(descriptor):
            file.write(chunk)
    return target


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    if path == STANDARD_INPUT:
        yield 0
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> bytes:
    """Read the next bytes, none at the end. Wait in short steps, so that signals are handled."""
    ready = select.poll()
    ready.register(descriptor, select.POLLIN)
    while not ready.poll(_STEP_MILLISECONDS):
        pass
    return os.read(descriptor, _CHUNK_BYTES)


def folder_names(videos: Sequence[Path]) -> list[str]:
    """Return a folder name for each video; all are different, ignoring case.

    The name is the stem of the file. Videos with equal stems are named after the parts of their paths that
    differ: ``a/video.mp4`` and ``b/video.mp4`` become ``a`` and ``b``. Repeated names get a number.
    """
    stems = [_folded(stem(_text(video))) for video in videos]
    groups: dict[str, list[int]] = {}
    for number, name in enumerate(stems):
        groups.setdefault(name, []).append(number)
    wanted: dict[int, str] = {}
    for numbers in groups.values():
        names = (
            _differing_parts([videos[number] for number in numbers])
            if len(numbers) > 1
            else [stem(_text(videos[numbers[0]]))]
        )
        wanted.update(zip(numbers, names, strict=True))
    return _numbered([_short(wanted[number]) for number in range(len(videos))])


def _differing_parts(videos: Sequence[Path]) -> list[str]:
    """Return names made of the parts of the paths that differ: as few as possible, from the end on."""
    absolute = map(os.path.abspath, videos)  # follows no links
    paths = [_encodable(path).strip("/").split("/")[::-1] for path in absolute]
    columns = [
        [path[depth] if depth < len(path) else "" for path in paths] for depth in range(max(map(len, paths)))
    ]
    chosen: list[list[str]] = []
    for column in columns:
        if len(set(column)) > 1:
            chosen.insert(0, column)
            if len({_folded("/".join(parts)) for parts in zip(*chosen, strict=True)}) == len(paths):
                break
    if not chosen:  # the same file again and again
        return [stem(_text(video)) for video in videos]
    return [_safe("-".join(filter(None, parts))) for parts in zip(*chosen, strict=True)]


def _numbered(names: Sequence[str]) -> list[str]:
    """Append a number to names that an earlier video has."""
    taken = {_folded(name) for name in names}
    seen: set[str] = set()
    numbers = Counter[str]()
    unique: list[str] = []
    for name in names:
        if (key := _folded(name)) in seen:
            name = next(other for other in _candidates(name, numbers) if _folded(other) not in taken)
            taken.add(_folded(name))
        seen.add(key)
        unique.append(name)
    return unique


def _candidates(name: str, numbers: Counter[str]) -> Iterator[str]:
    """Yield `name-2`, `name-3` …, from where the last search for this name stopped."""
    for number in count(numbers[_folded(name)] + 2):
        numbers[_folded(name)] = number - 1
        yield f"{name}-{number}"


def _text(video: Path) -> str:
    """Return the name of the file, as text that any encoding can represent."""
    return "stdin" if video == STANDARD_INPUT else _encodable(video.name)


def _encodable(name: str) -> str:
    r"""Escape bytes that are not UTF-8, as in ``caf\xe9.mp4``."""
    return os.fsencode(name).decode(errors="backslashreplace")


def stem(name: str) -> str:
    """Return the name without its extension; the whole name if nothing else is left."""
    before = name.rpartition(".")[0]
    return before if before.strip(".") else _safe(name)


def _safe(name: str) -> str:
    """Return `name`, unless it means an existing folder such as ``..``."""
    return name if name.strip(".") else f"video-{len(name)}"


def _short(name: str) -> str:
    data = name.encode()
    if len(data) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(data).hexdigest()[:16]
    return f"{data[: _LONGEST_NAME - 17].decode(errors='ignore')}-{digest}"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
