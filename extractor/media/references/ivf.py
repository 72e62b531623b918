"""Packets out of an IVF stream, one after the other. Pure."""

import struct
from collections.abc import Callable
from typing import Final

_FILE_HEADER_BYTES: Final = 32
_PACKET_HEADER: Final = struct.Struct("<IQ")  # size and time
_MAX_PACKET_BYTES: Final = 1 << 24


class IvfReader:
    """Fed with the bytes of an IVF stream as they come; calls `take` with each packet, up to the first of
    more than 16 MiB."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._buffer = bytearray()
        self._skipped = _FILE_HEADER_BYTES
        self._ended = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        if self._ended:
            return
        buffer = self._buffer
        buffer += data
        place = 0
        if self._skipped:
            if len(buffer) < self._skipped:
                return
            place, self._skipped = self._skipped, 0
        while len(buffer) - place >= _PACKET_HEADER.size:
            size, _ = _PACKET_HEADER.unpack_from(buffer, place)
            if size > _MAX_PACKET_BYTES:
                self._ended = True
                buffer.clear()
                return
            end = place + _PACKET_HEADER.size + size
            if end > len(buffer):
                break
            self._take(bytes(buffer[place + _PACKET_HEADER.size : end]))
            place = end
        del buffer[:place]
