"""How long each stage of a video took."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from msgspec import Struct, field

Observer = Callable[[str], AbstractContextManager[object]]
"""Called with a stage's name, it gives a context that lasts as long as the stage (a trace segment)."""


def _nobody(_name: str) -> AbstractContextManager[object]:
    return nullcontext()


class Stopwatch(Struct):
    """Wall-clock seconds by stage. A stage met twice adds up."""

    observe: Observer = _nobody
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            with self.observe(name):
                yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - start, 4)
