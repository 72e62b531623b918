"""Find recovery points among the messages of H.264 (SEI). Pure.

ITU-T H.264, 7.3.2.3 and D.1.8.
"""

from typing import Final

from extractor.media.container.sample_table import UnsupportedTablesError

_RECOVERY_POINT: Final = 6
_MIN_MESSAGE_BYTES: Final = 3
"""The smallest message that FFmpeg reads, with the byte that ends a unit."""

_MAX_ZEROS: Final = 16
"""Leading zeros of the number of frames before the recovery, which is below 65,536."""


def has_recovery_point(unit: bytes) -> bool:
    """Whether a unit of messages states a recovery point, at which FFmpeg sets the flag of keyframes.

    Args:
        unit: The unit with its header byte.

    Raises:
        UnsupportedTablesError: It is damaged.
    """
    data = unit[1:].replace(b"\0\0\3", b"\0\0")
    position, found = 0, False
    while len(data) - position >= _MIN_MESSAGE_BYTES and any(data[position : position + 2]):
        kind, position = _read_number(data, position)
        size, position = _read_number(data, position)
        if size > len(data) - position:
            raise UnsupportedTablesError
        if kind == _RECOVERY_POINT:
            bits = int.from_bytes(data[position : position + min(size, 4)].ljust(4, b"\0"), "big")
            if 32 - bits.bit_length() > _MAX_ZEROS:
                raise UnsupportedTablesError
            found = True
        position += size
    return found


def _read_number(data: bytes, position: int) -> tuple[int, int]:
    """Return a number that is stored as a sum of bytes, and the position after it."""
    number = 0
    while position < len(data):
        number += data[position]
        position += 1
        if data[position - 1] != 0xFF:
            return number, position
    raise UnsupportedTablesError
