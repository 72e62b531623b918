"""A tar that comes into being piece by piece. Pure, and the same members always give the same bytes."""

import hashlib
import tarfile
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from hashlib import _Hash

_BLOCK_BYTES = 512


class TarWriter(Struct):
    """Counts and digests what it gives out. Members have no owner and no time: those would differ from one
    run to the next."""

    size_bytes: int = 0
    _digest: "_Hash" = field(default_factory=hashlib.sha256)

    @property
    def sha256(self) -> str:
        """Of all that was given out so far; lower-case hex."""
        return self._digest.hexdigest()

    def member(self, name: str, data: bytes) -> tuple[int, bytes]:
        """Where in the tar `data` lies (in bytes from its start), and the bytes to be appended."""
        header = _header(name, len(data))
        start = self.size_bytes + len(header)
        return start, self._counted(header + data + bytes(-len(data) % _BLOCK_BYTES))

    def end(self) -> bytes:
        """What closes the tar."""
        return self._counted(bytes(2 * _BLOCK_BYTES))

    def _counted(self, piece: bytes) -> bytes:
        self.size_bytes += len(piece)
        self._digest.update(piece)
        return piece


def _header(name: str, size_bytes: int) -> bytes:
    """A plain header of POSIX.1-1988, with an extended one in front if the name is too long for it."""
    info = tarfile.TarInfo(name)
    info.size = size_bytes
    return info.tobuf(tarfile.PAX_FORMAT)
