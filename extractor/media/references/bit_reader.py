"""Numbers of any count of bits, as the headers of videos are made of."""


class UnsupportedBitstreamError(Exception):
    """The stream has something of which the meaning is not sure."""


class BitReader:
    """A cursor over `data`, most significant bit first.

    Reading beyond the end raises `UnsupportedBitstreamError`."""

    __slots__ = ("_left", "_value")

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def read(self, count: int) -> int:
        """The next `count` bits as a number."""
        self._left -= count
        if self._left < 0:
            raise UnsupportedBitstreamError
        return (self._value >> self._left) & ((1 << count) - 1)

    def read_flag(self) -> bool:
        return self.read(1) == 1

    def exp_golomb(self) -> int:
        """A number in the code that tells its length by zeros before it."""
        zeros = 0
        while not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)
