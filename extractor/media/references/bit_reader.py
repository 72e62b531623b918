"""Read bit fields and Exp-Golomb codes from a bitstream header. Pure."""


class UnsupportedBitstreamError(Exception):
    """The bitstream has a feature that the parser does not support."""


class BitReader:
    """A cursor over the bits of `data`, most significant bit first.

    All methods raise `UnsupportedBitstreamError` at the end of the data.
    """

    __slots__ = ("_left", "_value")

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def read(self, count: int) -> int:
        """Return the next `count` bits as an unsigned integer."""
        self._left -= count
        if self._left < 0:
            raise UnsupportedBitstreamError
        return (self._value >> self._left) & ((1 << count) - 1)

    def read_flag(self) -> bool:
        """Return the next bit as a bool."""
        return self.read(1) == 1

    def exp_golomb(self) -> int:
        """Return the next unsigned Exp-Golomb code (AV1 `uvlc()`)."""
        zeros = 0
        while not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)
