"""Runs inside a container image: prints the size of each folder of the task root, and of the rest, as JSON.

Sizes are uncompressed and deflated per file. A file with several names counts once.
"""

import json
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

_TASK_ROOT = Path("/var/task")
_CHUNK_BYTES = 1 << 20


def main() -> None:
    sizes: dict[str, tuple[int, int]] = {}
    for path in _files():
        plain, packed = sizes.get(part := _part(path), (0, 0))
        more_plain, more_packed = _measure(path)
        sizes[part] = (plain + more_plain, packed + more_packed)
    sys.stdout.write(json.dumps(sizes))


def _files() -> Iterator[Path]:
    device, seen = Path("/").stat().st_dev, set()
    for directory, folders, names in os.walk("/"):
        # /proc and the like, and what is mounted from outside, are not of the image.
        folders[:] = [name for name in folders if Path(directory, name).lstat().st_dev == device]
        for path in (Path(directory, name) for name in names):
            if path.is_symlink() or not path.is_file():
                continue
            inode = path.stat().st_ino
            if inode not in seen:
                seen.add(inode)
                yield path


def _part(path: Path) -> str:
    """Return the first path component below the task root; empty for other files."""
    return path.relative_to(_TASK_ROOT).parts[0] if path.is_relative_to(_TASK_ROOT) else ""


def _measure(path: Path) -> tuple[int, int]:
    plain = packed = 0
    deflate = zlib.compressobj()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            plain += len(chunk)
            packed += len(deflate.compress(chunk))
    return plain, packed + len(deflate.flush())


if __name__ == "__main__":
    main()
