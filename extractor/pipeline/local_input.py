"""A local video: a file, or a pipe that has to be copied into one. And how its results are called."""

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


class LocalVideo(Struct, frozen=True):
    """`path` as it was given. `file` is the regular file that it means, `None` for a pipe."""

    path: Path
    file: Path | None

    @property
    def name(self) -> str:
        """The name of the file, as text that any encoding can carry."""
        return _text(self.path)

    @property
    def code(self) -> str:
        return _stem(self.name)

    def sample_name(self, size_bytes: int) -> str:
        """What tells this video from others of the same name, in one data set: made of the path and the
        size of the file."""
        place = _encodable(str(self.path.absolute()))
        return derived_code(f"{size_bytes}{place}")


def local_video(path: Path) -> LocalVideo:
    """What `path` means. Raises `VideoMissingError` for what is neither a file nor a pipe, and
    `AccessDeniedError`."""
    try:
        found = os.fstat(0) if path == STANDARD_INPUT else path.stat()
    except PermissionError as error:
        raise AccessDeniedError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except (OSError, ValueError) as error:
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
    """The file by a name that a child process finds as well; ``/dev/stdin`` means another file there.
    `None` if it has none, as a deleted file."""
    real = Path(os.path.realpath("/dev/stdin" if path == STANDARD_INPUT else path))
    try:
        return real if os.path.samestat(real.stat(), found) else None
    except OSError:
        return None


def bring_in(video: LocalVideo, place: Path) -> Path:
    """Make the video a file at `place`: a link to it, or a copy of what a pipe gives. Returns `place`.

    FFmpeg also goes by the ending of a name; `place` has none, so that a file is judged by its content
    alone, as in the cloud. Raises `OSError`.
    """
    if video.file is not None:
        place.symlink_to(video.file)
        return place
    with _opened(video.path) as descriptor, place.open("wb") as target:
        while chunk := _read(descriptor):
            target.write(chunk)
    return place


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
    """What is there, empty at the end. It waits in short steps, between which a signal is noticed."""
    ready = select.poll()
    ready.register(descriptor, select.POLLIN)
    while not ready.poll(_STEP_MILLISECONDS):
        pass
    return os.read(descriptor, _CHUNK_BYTES)


def folder_names(videos: Sequence[Path]) -> list[str]:
    """A folder name for each video, all different, also where case does not count.

    It is the stem of the file. Videos of equal stem are named after the parts of their paths that differ:
    ``a/video.mp4`` and ``b/video.mp4`` become ``a`` and ``b``. A name that is taken gets a number.
    """
    stems = [_folded(_stem(_text(video))) for video in videos]
    groups: dict[str, list[int]] = {}
    for place, stem in enumerate(stems):
        groups.setdefault(stem, []).append(place)
    wanted: dict[int, str] = {}
    for places in groups.values():
        names = (
            _told_apart([videos[place] for place in places])
            if len(places) > 1
            else [_stem(_text(videos[places[0]]))]
        )
        wanted.update(zip(places, names, strict=True))
    return _numbered([_short(wanted[place]) for place in range(len(videos))])


def _told_apart(videos: Sequence[Path]) -> list[str]:
    """Names of those parts of the paths that differ, as few as will do, counted from the end."""
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
        return [_stem(_text(video)) for video in videos]
    return [_safe("-".join(filter(None, parts))) for parts in zip(*chosen, strict=True)]


def _numbered(names: Sequence[str]) -> list[str]:
    """The same names; one that an earlier video has got gets a number."""
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
    """`name-2`, `name-3` …, from where the last search for this name stopped."""
    for number in count(numbers[_folded(name)] + 2):
        numbers[_folded(name)] = number - 1
        yield f"{name}-{number}"


def _text(video: Path) -> str:
    """The name of the file, as text that any encoding can carry."""
    return "stdin" if video == STANDARD_INPUT else _encodable(video.name)


def _encodable(name: str) -> str:
    """`name` with bytes that are no UTF-8 escaped, as in ``caf\\xe9.mp4``."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _stem(name: str) -> str:
    """The name without its ending; the whole name if nothing else is left of it."""
    stem = name.rpartition(".")[0]
    return stem if stem.strip(".") else _safe(name)


def _safe(name: str) -> str:
    """`name`, unless it means a folder that is there already."""
    return name if name.strip(".") else f"video-{len(name)}"


def _short(name: str) -> str:
    data = name.encode()
    if len(data) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(data).hexdigest()[:16]
    return f"{data[: _LONGEST_NAME - 17].decode(errors='ignore')}-{digest}"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
