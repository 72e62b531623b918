"""Low watermark of a sequence whose members are settled in any order."""

from collections import deque


class LowWatermark:
    """Tracks the last code up to which everything is settled. It never passes a code that is not settled.

    Attributes:
        code: The last code up to which every begun code is settled.
        count: The number of codes up to it.
    """

    def __init__(self, code: str | None = None) -> None:
        self.code = code
        self.count = 0
        self._begun: deque[str] = deque()
        self._settled: set[str] = set()

    @property
    def clear(self) -> bool:
        """Whether every begun code is settled."""
        return not self._begun

    def begin(self, code: str) -> None:
        self._begun.append(code)

    def settle(self, code: str) -> None:
        self._settled.add(code)
        while self._begun and self._begun[0] in self._settled:
            self.code = self._begun.popleft()
            self._settled.discard(self.code)
            self.count += 1
