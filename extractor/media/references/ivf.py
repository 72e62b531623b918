"""Split an IVF stream into packets. Pure."""

import struct
from collections.abc import Callable
from typing import Final

_FILE_HEADER_BYTES: Final = 32
_PACKET_HEADER: Final = struct.Struct("<IQ")  # size, timestamp
_MAX_PACKET_BYTES: Final = 1 << 24


class IvfReader:
    """Incremental parser of an IVF stream.

    Args:
        on_packet: Called with the content of each packet. The parser stops at the first packet of more than
            16 MiB.
    """

    def __init__(self, on_packet: Callable[[bytes], None]) -> None:
        self._on_packet = on_packet
        self._buffer = bytearray()
        self._header_bytes_left = _FILE_HEADER_BYTES
        self._stopped = False

    def feed(self, data: bytes) -> None:
        """Parse the next bytes of the stream."""
        if self._stopped:
            return
        buffer = self._buffer
        buffer += data
        position = 0
        if self._header_bytes_left:
            if len(buffer) < self._header_bytes_left:
                return
            position, self._header_bytes_left = self._header_bytes_left, 0
        while len(buffer) - position >= _PACKET_HEADER.size:
            size, _ = _PACKET_HEADER.unpack_from(buffer, position)
            if size > _MAX_PACKET_BYTES:
                self._stopped = True
                buffer.clear()
                return
            end = position + _PACKET_HEADER.size + size
            if end > len(buffer):
                break
            self._on_packet(bytes(buffer[position + _PACKET_HEADER.size : end]))
            position = end
        del buffer[:position]
