"""Daemon threads for blocking I/O."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, Self, TypeVar

Result = TypeVar("Result")


class DaemonThreads(Generic[Result]):
    """A fixed number of threads that run tasks and put the futures into a queue.

    They are daemons, so that Ctrl-C does not wait for a pending request; ThreadPoolExecutor joins its threads
    at exit.

    Args:
        size: The number of threads.
        done: Receives the future of each finished task.
    """

    def __init__(self, size: int, done: "SimpleQueue[Future[Result]]") -> None:
        self.size = size
        self.busy = 0  # tasks whose result has not been taken out of `done`
        self._done = done
        self._tasks: SimpleQueue[Callable[[], Result] | None] = SimpleQueue()

    @property
    def free(self) -> bool:
        return self.busy < self.size

    def __enter__(self) -> Self:
        for _ in range(self.size):
            threading.Thread(target=self._work, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _ in range(self.size):
            self._tasks.put(None)

    def submit(self, task: Callable[[], Result]) -> None:
        self.busy += 1
        self._tasks.put(task)

    def completed(self) -> None:
        """A result was taken out of `done`."""
        self.busy -= 1

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            future: Future[Result] = Future()
            try:
                future.set_result(task())
            except BaseException as error:  # noqa: BLE001 - re-raised in the thread that takes the result
                future.set_exception(error)
            self._done.put(future)
