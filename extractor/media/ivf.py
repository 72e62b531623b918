"""Packets out of an IVF stream, one after the other. Pure."""

import struct
from collections.abc import Callable, Iterator

_FILE_HEADER_BYTES = 32
_PACKET_HEADER = struct.Struct("<IQ")  # size and time
_MOST_PACKET_BYTES = 1 << 24


def ivf_packets(read: Callable[[int], bytes | None]) -> Iterator[bytes]:
    """The packets, up to the first of more than 16 MiB. `read` gives so many bytes, `None` at the end."""
    if read(_FILE_HEADER_BYTES) is None:
        return
    while (header := read(_PACKET_HEADER.size)) is not None:
        size, _ = _PACKET_HEADER.unpack(header)
        packet = read(size) if size <= _MOST_PACKET_BYTES else None
        if packet is None:
            return
        yield packet
