"""Numbers of any count of bits, as the headers of videos are made of."""


class UnsureError(Exception):
    """The stream has something of which the meaning is not sure."""


class Bits:
    """A cursor over `data`, most significant bit first. Reading beyond the end raises `UnsureError`."""

    __slots__ = ("_left", "_value")

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def take(self, count: int) -> int:
        """The next `count` bits as a number."""
        self._left -= count
        if self._left < 0:
            raise UnsureError
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.take(1) == 1

    def exp_golomb(self) -> int:
        """A number in the code that tells its length by zeros before it."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)
