"""Wall-clock timing of the stages of a job."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from msgspec import Struct, field

Observer = Callable[[str], AbstractContextManager[object]]
"""Returns a context manager that lasts as long as the named stage, such as a trace segment."""


def _no_observer(_name: str) -> AbstractContextManager[object]:
    return nullcontext()


class Stopwatch(Struct):
    """Wall-clock seconds by stage. A repeated stage adds up.

    Attributes:
        fetched_bytes: How many bytes of the video were fetched.
        observe: Observes each stage.
        seconds: Seconds by name of the stage.
    """

    observe: Observer = _no_observer
    seconds: dict[str, float] = field(default_factory=dict)
    fetched_bytes: int = 0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure the enclosed block."""
        start = time.monotonic()
        try:
            with self.observe(name):
                yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - start, 4)
