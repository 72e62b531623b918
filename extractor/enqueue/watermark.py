"""How far a sequence is settled without a gap, when its members are settled in any order."""

from collections import deque


class LowWatermark:
    """`code` is the last one up to which everything that was begun is settled; `count` is how many that
    are. What is never settled holds it for ever."""

    def __init__(self, code: str | None = None) -> None:
        self.code = code
        self.count = 0
        self._begun: deque[str] = deque()
        self._settled: set[str] = set()

    @property
    def clear(self) -> bool:
        """Whether everything that was begun is settled."""
        return not self._begun

    def begin(self, code: str) -> None:
        self._begun.append(code)

    def settle(self, code: str) -> None:
        self._settled.add(code)
        while self._begun and self._begun[0] in self._settled:
            self.code = self._begun.popleft()
            self._settled.discard(self.code)
            self.count += 1
